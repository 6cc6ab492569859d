import { connect, type Socket } from 'node:net'

type Where = { host: string[]; port: number[]; path?: string | undefined }

/** The connections of a client of PostgreSQL, to end them where they lead nowhere: by itself it would wait for each for a quarter of an hour. */
export function createSockets() {
  const open = new Set<Socket>()
  let turn = 0

  function dial({ host, port, path }: Where) {
    if (path) return connect(path)
    const i = turn++ % host.length // of several servers, each in its turn
    const where = { host: host[i] ?? '', port: port[i] ?? 0 }
    return Object.assign(connect(where), where) // by its name a certificate is checked
  }

  return {
    /** Makes a connection, as the client wants it made. */
    async socket(where: object) {
      for (const socket of open) if (socket.destroyed) open.delete(socket)
      const socket = dial(where as Where)
      // The client takes its listeners off one that has closed, and an error that comes later would end the process.
      const removeAll = socket.removeAllListeners.bind(socket)
      socket.removeAllListeners = (event?: string | symbol) => removeAll(event).on('error', () => {})
      open.add(socket)
      return socket
    },

    /** Ends all that there are. */
    destroyAll() {
      for (const socket of open) socket.destroy()
      open.clear()
    }
  }
}
