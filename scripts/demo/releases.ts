import mqtt from 'mqtt'
import type { PlayedGithub } from './github.ts'
import { ensure, type Journal } from './journal.ts'
import { signUp, type User } from './user.ts'

const repo = { name: 'Mailspring', ownerName: 'Foundry376' }
const fullName = `${repo.ownerName}/${repo.name}`

type Scene = { base: string; broker: string; github: PlayedGithub; journal: Journal }
type Release = { version: string; assets: { name: string }[] }

/** Two users watch a repo at GitHub; a release appears there, and both are told by the hub's own polling. */
export async function playReleases({ base, broker, github, journal }: Scene) {
  github.publish(fullName, '1.10.8', [assetOf('1.10.8')])
  const users = [await signUp(base, 'grace'), await signUp(base, 'edith')]
  await journal.cause(`POST /repos: grace and edith watch ${fullName}`, () =>
    Promise.all(users.map((user) => user.call('POST /repos', repo)))
  )
  const watchers = await Promise.all(users.map((user) => listen(user, { broker, journal })))
  try {
    await allTold(journal, watchers, '1.10.8')
    await journal.cause('Version 1.10.9 is released at GitHub; nobody asks the hub for anything', async () =>
      github.publish(fullName, '1.10.9', [assetOf('1.10.9')])
    )
    await allTold(journal, watchers, '1.10.9')
    await listed(users, journal)
    askedOnce(github, journal)
  } finally {
    await Promise.allSettled(watchers.map(({ leave }) => leave()))
  }
}

/** A user's connection that hears of latest releases. */
async function listen({ team, token }: User, { broker, journal }: Pick<Scene, 'broker' | 'journal'>) {
  const releases: Release[] = []
  const client = await mqtt.connectAsync(broker, { username: team, password: token, reconnectPeriod: 0 }, false)
  client.on('error', journal.fail)
  client.on('message', (on, payload) => {
    const release = JSON.parse(payload.toString()) as Release
    releases.push(release)
    journal.event(`${team} (MQTT)`, `told on ${on}: ${release.version}`)
  })
  const [granted] = await client.subscribeAsync('repos/+/+/latest-release', { qos: 1 })
  ensure(granted?.qos === 1, `${team} may not subscribe`)
  return { team, releases, leave: () => client.endAsync() }
}

type Watcher = Awaited<ReturnType<typeof listen>>

async function allTold(journal: Journal, watchers: Watcher[], version: string) {
  const isTold = ({ releases }: Watcher) => releases.at(-1)?.version === version
  await journal.until(`all watchers to be told of ${version}`, () => watchers.every(isTold))
  for (const { team, releases } of watchers) {
    const names = releases
      .at(-1)
      ?.assets.map(({ name }) => name)
      .join(', ')
    ensure(names === assetOf(version).name, `${team} was told of ${names} as the assets of ${version}`)
  }
}

async function listed(users: User[], journal: Journal) {
  for (const user of users) {
    const [mine] = (await user.call('GET /repos')) as { currentVersion: string; latestVersion: string }[]
    const versions = `${mine?.currentVersion} and ${mine?.latestVersion}`
    ensure(versions === '1.10.8 and 1.10.9', `GET /repos gives ${user.team} the versions ${versions}`)
  }
  journal.sure('GET /repos gives 1.10.8 as the current and 1.10.9 as the latest version')
}

/** However many watch, a repo is one question: the first without, the others with the ETag of what is known. */
function askedOnce({ asked }: PlayedGithub, journal: Journal) {
  const questions = asked.filter(({ path }) => path === `/repos/${fullName}/releases/latest`)
  const [, ...later] = questions.map(({ headers }) => headers.get('if-none-match'))
  ensure(later.length > 0 && !later.includes(null), 'GitHub was asked for something that the hub knew')
  journal.sure(`GitHub was asked ${questions.length} times in all, and each time but the first by ETag`)
}

const assetOf = (version: string) => ({ name: `mailspring-${version}-amd64.deb`, bytes: new TextEncoder().encode(version) })
