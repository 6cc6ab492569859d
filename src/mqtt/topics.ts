type Params<Pattern extends string> = Pattern extends `${infer Head}/${infer Tail}`
  ? Params<Head> & Params<Tail>
  : Pattern extends `:${infer Name}`
    ? { [K in Name]: string }
    : unknown

/** A topic written like a route: `:name` stands for one level. */
export type Topic<P> = {
  pattern: string
  /** The topic with its levels filled in. */
  of(params: P): string
  /** Whether a name is the topic with its levels filled in so. */
  is(name: string, params: P): boolean
}

function topic<const Pattern extends string>(pattern: Pattern): Topic<Params<Pattern>> {
  const levels = pattern.split('/').map((level) => ({ text: level, param: level.startsWith(':') ? level.slice(1) : undefined }))
  const filledIn = ({ text, param }: (typeof levels)[number], params: unknown) =>
    param === undefined ? text : ((params as Record<string, string>)[param] ?? '')
  return {
    pattern,
    of: (params) => levels.map((level) => filledIn(level, params)).join('/'),
    is(name, params) {
      let at = -1
      for (const level of levels) {
        const text = filledIn(level, params)
        if ((at >= 0 && name[at] !== '/') || !name.startsWith(text, at + 1)) return false
        at += 1 + text.length
      }
      return at === name.length
    }
  }
}

/** Every topic of the hub; they mirror the HTTP paths. */
export const topics = {
  /** Device to hub: its status. */
  deviceStatus: topic(':team/devices/:name/status'),
  /** Device to hub: lines of its log. */
  deviceLog: topic(':team/devices/:name/log'),
  /** Hub to device: what it should run, a view of the database. */
  deviceDeployment: topic(':team/devices/:name/deployment'),
  /** Hub to device: restart the application. */
  deviceRelaunch: topic(':team/devices/:name/relaunch'),
  /** Hub to desktop clients: the latest version of an application, a view of the database. */
  latestVersion: topic('applications/:app/:architecture/latest-version'),
  /** Hub to watchers: the latest release of a repo at GitHub, a view of the database. */
  latestRelease: topic('repos/:owner/:name/latest-release'),
  /** Hub to owner: how a task stands, a view of the database. */
  taskStatus: topic('tasks/:id/status'),
  /** Hub to owner: what a task writes, as it comes. */
  taskLogs: topic('tasks/:id/logs'),
  /** Hub to anybody: the latest recipe of a package, a view of the database. */
  packageLatest: topic('packages/:name/latest')
}

/** Whether a topic, or a filter, is below what anybody may hear who may ask over HTTP. */
export const isPublic = (text: string) => text.startsWith('packages/')

/** Whether a topic filter covers a topic name [MQTT-4.7.1-2] [MQTT-4.7.1-3]. */
export function covers(filter: string, name: string) {
  if (filter === name) return true
  let at = 0 // of the name
  for (let from = 0; from <= filter.length; ) {
    if (filter[from] === '#') return true // also covers the level above it, which has no more levels of its own
    const to = endOfLevel(filter, from)
    const end = endOfLevel(name, at)
    const isSame = filter[from] === '+' || (to - from === end - at && name.startsWith(filter.slice(from, to), at))
    if (at > name.length || !isSame) return false
    from = to + 1
    at = end + 1
  }
  return at > name.length
}

function endOfLevel(text: string, from: number) {
  const slash = text.indexOf('/', from)
  return slash < 0 ? text.length : slash
}

/** The most levels of a topic that is taken: the hub's own have five. */
export const levelsAtMost = 8

/** Whether a text is a topic filter: wildcards stand alone [MQTT-4.7.1-2] [MQTT-4.7.1-3], and it was UTF-8 without NUL [MQTT-1.5.3-1] [MQTT-1.5.3-2]. */
export function isFilter(text: string) {
  const levels = text.split('/')
  const inPlace = (level: string, i: number) => level === '+' || (level === '#' && i === levels.length - 1) || !/[+#]/.test(level)
  return text !== '' && !/[\0\ufffd]/.test(text) && levels.length <= levelsAtMost && levels.every(inPlace)
}
