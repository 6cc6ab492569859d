import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openStore } from './blobs/index.ts'
import type { Config } from './config.ts'
import { createGroupCommit } from './db/group-commit.ts'
import { openDatabase } from './db/open.ts'
import { createCliKeys } from './features/accounts/cli-keys.ts'
import { createAccountMaker } from './features/accounts/creation.ts'
import { createGithubAccounts } from './features/accounts/github-accounts.ts'
import { createGithubOAuth } from './features/accounts/github-oauth.ts'
import { createRateLimits, type Limits } from './features/accounts/limits.ts'
import { createPasswords } from './features/accounts/passwords.ts'
import { createRoles } from './features/accounts/roles.ts'
import { createAccounts } from './features/accounts/service.ts'
import { createTokens } from './features/accounts/tokens.ts'
import { createAdministration } from './features/applications/administration.ts'
import { createApplications } from './features/applications/service.ts'
import { createReferences } from './features/blobs/references.ts'
import { createBlobs } from './features/blobs/service.ts'
import { createBuilds } from './features/builds/service.ts'
import { createContainers } from './features/containers/service.ts'
import { createDeployments } from './features/deployments/service.ts'
import { createPresence } from './features/devices/presence.ts'
import { createReports } from './features/devices/reports.ts'
import { createDevices } from './features/devices/service.ts'
import { createDeviceStates } from './features/devices/states.ts'
import { createFiles } from './features/files/service.ts'
import { createGithub } from './features/github/service.ts'
import { createLostWork } from './features/hubs/lost.ts'
import { createRelay } from './features/hubs/relay.ts'
import { createHubs } from './features/hubs/service.ts'
import { createKeys } from './features/keys/service.ts'
import { createLogs } from './features/logs/service.ts'
import { createTidings } from './features/logs/tidings.ts'
import { createMetrics } from './features/metrics/service.ts'
import { createNotices } from './features/notices/service.ts'
import { createRegistry } from './features/registry.ts'
import { createClients } from './features/releases/clients.ts'
import { createLatestReleases } from './features/releases/latest.ts'
import { createReleases } from './features/releases/service.ts'
import { createSightings } from './features/releases/sightings.ts'
import { createVotes } from './features/releases/votes.ts'
import { createRepos } from './features/repos/service.ts'
import { createPerforming } from './features/tasks/performing.ts'
import { createPublishing } from './features/tasks/publishing.ts'
import { createRecords } from './features/tasks/records.ts'
import { createTasks } from './features/tasks/service.ts'
import { createAnonymousTeam } from './features/teams/anonymous.ts'
import { createTeams } from './features/teams/service.ts'
import { createUpkeep } from './features/upkeep.ts'
import { type Clock, systemClock } from './lib/clock.ts'
import { lockFolder, lockSweeping } from './lib/folder-lock.ts'
import type { Log } from './lib/log.ts'
import { keptSecret } from './lib/secrets.ts'

/** Everything that an edge is given. */
export type Hub = Awaited<ReturnType<typeof createHub>>

export type Phase = 'starting' | 'up' | 'draining'

type Needs = { config: Config; log: Log; clock?: Clock; limits?: Limits; enginePatience?: number | undefined }

/** Builds every service once, over an open and migrated database. */
export async function createHub({ config, log, clock = systemClock, limits: limitSettings, enginePatience }: Needs) {
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const unlock = lockFolder(config.dataDir)
  const db = await openDatabase(config, log)
  const store = openStore(config, log)
  await store.prepare()

  const metrics = createMetrics()
  const limits = createRateLimits(limitSettings)
  const notices = createNotices({ db, clock, log })
  const teams = createTeams({ db, clock, notices })
  const secret = config.jwtSecret ?? (await keptSecret(join(config.dataDir, 'jwt-secret')))
  const tokens = createTokens(secret, clock)
  const blobs = createBlobs({ store, clock, sweeping: () => lockSweeping(config.dataDir) })
  const stopping = new AbortController()
  const { token, ...watching } = config.watching
  const github = createGithub({ baseUrl: config.githubApiUrl, token, clock, metrics, stopping: stopping.signal })
  const repos = createRepos({ db, clock, log, notices, limits, github, blobs, metrics, ...watching })
  const make = createAccountMaker({ db, clock, notices, teams })
  const roles = createRoles({ db, notices })
  const accounts = createAccounts({ db, notices, teams, repos, passwords: createPasswords(), tokens, limits, roles, make })
  const oauth = createGithubOAuth(config, log)
  const applications = createApplications({ db, clock, notices, teams })
  const keys = createKeys({ db, limits })
  const hubId = await keptSecret(join(config.dataDir, 'hub-id'))
  const hubs = createHubs({ peers: db.peers, node: hubId, log })
  const relay = createRelay({ peers: db.peers, log })
  const presence = createPresence(hubs)
  const deployments = createDeployments({ db, clock, notices })
  const states = createDeviceStates({ db, notices, deployments })
  const commits = createGroupCommit(db)
  const logs = createLogs({ db, commits, clock, log, secret, committed: metrics.committed })
  logs.listen(({ entries }) => metrics.logged(entries))
  const tidings = createTidings({ db, notices, logs, log })
  const administration = createAdministration({ db, clock, notices, logs, applications })
  const devices = createDevices({ db, clock, notices, logs, limits, presence, states, downAfter: config.deviceDownAfter })
  metrics.watch('updraft_reports_waiting', 'Reports of devices that wait for the next commit', logs.waiting)
  metrics.watch('updraft_fold_thread', 'Whether a thread of its own puts reports into the log', () => Number(logs.hasThread()))
  const reports = createReports({ db, commits, clock, notices, relay, logs, states, metrics })
  const containers = await createContainers({
    ...config.containers,
    dataDir: config.dataDir,
    hubId,
    db,
    clock,
    relay,
    blobs,
    log,
    patience: enginePatience
  })
  const { builderImage, imageMaxBytes, buildMaxBytes } = config
  const { atOnce } = config.containers
  const builds = createBuilds({ db, clock, notices, blobs, deployments, containers, atOnce, builderImage, imageMaxBytes })
  const files = createFiles({ db, clock })
  const records = createRecords({ db, files, repos })
  const releases = createReleases({ db, clock, notices })
  const publishing = createPublishing({ teams, applications, deployments, releases })
  const ofTasks = { db, notices, blobs, repos, records, publishing, containers }
  const performing = createPerforming({ ...ofTasks, atOnce, imageMaxBytes, buildMaxBytes })
  const tasks = createTasks({ ...ofTasks, clock, files, performing, relay })
  const lostWork = createLostWork({ hubs, hubId, blobs, log, work: [tasks, builds] })
  const latestReleases = createLatestReleases({ db, notices })
  const votes = createVotes({ db, commits, clock })
  const sightings = createSightings({ db, commits, clock, log })
  const clients = createClients({ latest: latestReleases, votes, sightings })
  const registry = createRegistry({ db, clock, notices, tokens })
  const { archives } = registry
  const references = createReferences({ db })
  const { mirrors } = containers
  const upkeep = createUpkeep({
    db,
    clock,
    log,
    notices,
    logs,
    mirrors,
    files,
    archives,
    blobs,
    references,
    retention: config.logRetention
  })

  await logs.settle() // what the last run had taken in
  await notices.start()
  let address = config.publicUrl ?? httpAddress(config.host, config.port)
  let phase: Phase = 'starting'
  let checkBroker = (): Promise<void> => Promise.reject(new Error('The broker is not running'))

  return {
    config,
    log,
    clock,
    accounts,
    githubAccounts: createGithubAccounts({ db, tokens, limits, github: oauth, make }),
    cliKeys: createCliKeys({ db, clock, notices, tokens }),
    teams,
    applications,
    administration,
    keys,
    devices,
    presence,
    hubs,
    relay,
    deployments,
    builds,
    files,
    tasks,
    reports,
    releases,
    latestReleases,
    clients,
    anonymousTeam: createAnonymousTeam({ db, notices, teams, limits }),
    logs,
    ...registry,
    blobs,
    references,
    repos,
    notices,
    upkeep,
    metrics,
    /** What must answer for the hub to be well, and what there is to say where it does not. */
    checks: [
      { check: db.ping, complaint: 'The database does not answer' },
      { check: store.check, complaint: 'The store of bytes does not answer' },
      { check: () => checkBroker(), complaint: 'The broker does not pass on messages' }
    ],
    /** Whether the hub takes part in the work. */
    phase: () => phase,
    /** It is up, or begins to let its clients go. */
    enter: (next: Phase) => {
      phase = next
    },
    /** The MQTT edge says how its broker is checked. */
    setBrokerCheck: (check: () => Promise<void>) => {
      checkBroker = check
    },
    /** Under which address clients reach the hub, as far as it knows. */
    address: () => address,
    /** The HTTP edge says on which port it listens, which counts where no PUBLIC_URL is configured. */
    listensOn: (port: number) => {
      address = config.publicUrl ?? httpAddress(config.host, port)
    },
    /** Aborted when the hub begins to stop: endless answers end on it. */
    stopping: stopping.signal,
    /** Removes containers that belong to nothing any more. */
    tidy: containers.tidy,
    /** Ends what is under way at hubs that are gone. */
    lostWork,
    /** Goes on with what an earlier process left under way. */
    async startWork() {
      await containers.start([builds.resume, tasks.resume])
      lostWork.start()
    },
    /** Tells everything endless to end; `close` follows once the edges are done. */
    beginStop: () => stopping.abort(),
    async close() {
      metrics.stop()
      await repos.stop()
      await registry.lua.stop()
      await upkeep.stop()
      await lostWork.stop()
      await containers.stop()
      await clients.settled()
      await logs.stop()
      await tidings.stop()
      await hubs.stop()
      await relay.stop()
      await db.close()
      unlock()
    }
  }
}

const httpAddress = (host: string, port: number) => `http://${host.includes(':') ? `[${host}]` : host}:${port}`
