// The least that answers HTTP on Bun: what a heartbeat is held against.
const server = Bun.serve({ hostname: '127.0.0.1', port: Number(process.env.PORT), fetch: () => new Response('X') })
console.log(server.port)
