import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { databaseName, postgresServer, runSql } from '../support/databases.ts'
import { desktop } from '../support/desktop.ts'
import { builder, hasEngine, startEngine, type TestEngine } from '../support/engine.ts'
import { type TestUser, testDevice } from '../support/hub.ts'
import { deviceClient, userClient } from '../support/mqtt.ts'
import { has } from '../support/needs.ts'
import { buildsOf, latest, linux, windows } from '../support/releases.ts'
import { taskStage } from '../support/tasks.ts'

const here = hasEngine() && has('xtensa-lx106-elf-gcc', 'apt-get install gcc-xtensa-lx106')
const longest = 60_000

const source = (version: string) => ({
  name: `firmware-${version}.c`,
  bytes: new TextEncoder().encode(
    `const char version[] = "${version}"; void start(void) { for (;;) *(volatile const char *)version; }`
  )
})
const compile =
  'xtensa-lx106-elf-gcc -Os -mtext-section-literals -nostdlib -Wl,-e,start -Wl,-Ttext=0x40210010 -o output/app.esp8266.image "$RELEASE_ASSET"'
/** A program for desktop clients beside the image, which says its version. */
const program = `printf 'echo %s\\nexit 0\\n' "\${RELEASE_VERSION#v}" > output/app.${linux}.sh`

/** Has the database refuse to start a task that has just succeeded, as if the hub had died in between. */
const refuseToStart = postgresServer
  ? `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
     create trigger refuse before update on tasks for each row
     when (old.status = 'Succeeded' and new.status = 'Running') execute function refuse()`
  : `create trigger refuse before update on tasks when old.status = 'Succeeded' and new.status = 'Running'
     begin select raise(abort, 'no'); end`

/** The id of an application of a user's own team. */
async function idOf(user: TestUser, slug: string) {
  const { applications } = (await user.call('GET /applications')).body as { applications: { id: string; slug: string }[] }
  return applications.find((application) => application.slug === slug)?.id ?? ''
}

describe.skipIf(!here)(`the chain on ${databaseName}`, () => {
  let engine: TestEngine
  beforeAll(async () => {
    engine = await startEngine()
    await engine.importBuilder()
  }, longest)
  afterAll(() => engine?.[Symbol.asyncDispose](), longest)

  test(
    'a release upstream reaches a device and a desktop client by itself, within one poll',
    async () => {
      await using t = await taskStage(engine, { env: { REPO_POLL_INTERVAL: '1s' } })
      const { hub, ada } = t
      hub.github.publish('acme/firmware', '1.0.0', [source('1.0.0')])
      const { body } = await ada.call('POST /repos', { name: 'firmware', ownerName: 'acme' })
      const { id: repo } = body as { id: string }
      const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
      const more = { repo, releaseAsset: 'firmware-1.0.0.c', containerImage: builder, onRelease: true, publishTo: 'blinker' }
      const id = await t.addTask(`${compile} && ${program} && ls output`, more)
      expect(await ada.call(`GET /tasks/${id}/status`)).toMatchObject({ body: { status: 'Created', publishTo: 'ada/blinker' } })
      await using device = await deviceClient(hub, ada, lamp)
      await device.subscribe(['ada/devices/lamp/deployment'])
      const appId = await idOf(ada, 'blinker')
      await using laptop = await desktop(hub, appId)
      await using listening = await laptop.listen()
      await using owner = await userClient(hub, ada)
      await owner.subscribe([`tasks/${id}/status`])
      expect((await owner.next()).payload).toBe(JSON.stringify({ id, status: 'Created' }))

      hub.github.publish('acme/firmware', 'v1.1.0', [source('1.1.0')])

      while (device.inbox.length === 0) await Bun.sleep(20)
      const told = JSON.parse((await device.next()).payload) as { id: number; size: number }
      const image = Buffer.from(await (await hub.send(`GET /devices/${lamp.secret}/image`)).arrayBuffer())
      expect(image.length).toBe(told.size)
      expect([image.subarray(0, 4).toString('hex'), image.readUInt16LE(18), image.includes('1.1.0')]).toEqual([
        '7f454c46',
        94,
        true
      ])
      await listening.until('1.1.0')
      expect([laptop.current(), laptop.seen, listening.told.live]).toEqual(['1.1.0', ['1.1.0'], ['1.1.0']])
      expect(await t.over(id)).toMatchObject({ status: 'Succeeded', log: `app.esp8266.image\napp.${linux}.sh\n` })
      expect([(await owner.next()).payload, (await owner.next()).payload]).toEqual([
        JSON.stringify({ id, status: 'Running' }),
        JSON.stringify({ id, status: 'Succeeded' })
      ])
      await engine.empty()
    },
    longest
  )

  test(
    'what a task leaves behind for desktop clients has the version of the release; a build that there is stays what it is',
    async () => {
      await using t = await taskStage(engine, { env: { BUILD_MAX_BYTES: '1000' } })
      const { ada } = t
      await ada.call('POST /ada/apps', { app_name: 'weather' })
      const appId = await idOf(ada, 'weather')
      const published = async () =>
        new Set((await buildsOf(ada, appId)).map((build) => `${build.version} ${build.architecture} ${build.size}`))
      const run = (command: string) => t.run(command, { publishTo: 'weather' })
      const both = `cd output; echo one > a.${linux}; echo three > a.${windows}.exe; echo no > a.${linux}-musl; echo no > .${linux}`
      expect(await run(both)).toMatchObject({ status: 'Succeeded' })
      expect(await published()).toEqual(new Set([`1.10.8 ${windows} 6`, `1.10.8 ${linux} 4`]))
      const { url } = await latest(t.hub, appId)
      expect(await (await fetch(url)).text()).toBe('one\n')

      expect(await run(`echo other > output/b.${linux}`)).toMatchObject({ status: 'Succeeded' })
      expect(await (await fetch(url)).text()).toBe('one\n')
      for (const [command, failure] of [
        [`head -c 2000 /dev/zero > output/a.${linux}`, `"a.${linux}" has more than 1000 bytes`],
        [`: > output/a.${linux}`, `"a.${linux}" is empty`],
        [
          `echo a > output/a.${linux}; echo b > output/b.${linux}.tar.gz; echo i > output/a.esp8266.image`,
          `It left behind more than one build for ${linux}`
        ]
      ] as const) {
        expect(await run(command)).toMatchObject({ status: 'Failed', failure })
      }
      expect((await published()).size).toBe(2)

      t.hub.github.publish('acme/nightly', 'nightly-7', [source('7')])
      const { body } = await ada.call('POST /repos', { name: 'nightly', ownerName: 'acme' })
      const of = { repo: (body as { id: string }).id, releaseAsset: 'firmware-7.c', publishTo: 'weather' }
      expect(await t.run(`echo a > output/a.${linux}`, of)).toMatchObject({
        status: 'Failed',
        failure: `"a.${linux}" could not be published: "nightly-7" is no semantic version`
      })
      expect(await t.run('echo image > output/a.esp8266.image', of)).toMatchObject({ status: 'Succeeded' })
      await engine.empty()
    },
    longest
  )

  test(
    'an asset that is uploaded after its release is waited for',
    async () => {
      await using t = await taskStage(engine)
      const { hub, ada } = t
      const id = await t.addTask('cat "$RELEASE_ASSET"', { releaseAsset: 'late.txt', onRelease: true })
      hub.github.publish('Foundry376/Mailspring', '1.10.9')
      await ada.call('PATCH /repos')
      expect(await t.over(id)).toMatchObject({ status: 'Failed', failure: 'Release 1.10.9 has no asset "late.txt"' })
      hub.github.attach('Foundry376/Mailspring', { name: 'late.txt', bytes: new TextEncoder().encode('at last') })
      await ada.call('PATCH /repos')
      expect(await t.over(id)).toMatchObject({ status: 'Succeeded', log: 'at last' })
      expect((await ada.call('GET /repos')).body).toMatchObject([{ currentVersion: '1.10.9' }])
      hub.github.attach('Foundry376/Mailspring', { name: 'other.txt', bytes: new TextEncoder().encode('other') })
      await ada.call('PATCH /repos')
      expect(await t.over(id)).toMatchObject({ status: 'Succeeded' })
      const events = (await hub.hub.notices.after(0, { id: '', seesAll: true })).notices
      expect(events.filter(({ type }) => type === 'repo.assets')).toHaveLength(2)
      expect(
        events.filter(({ type, data }) => type === 'task.status' && 'status' in data && data.status === 'Running')
      ).toHaveLength(2)
      await engine.empty()
    },
    longest
  )

  test(
    'a release that comes out while a task runs is run over afterwards: that is stored with the end of the run, or neither is',
    async () => {
      await using t = await taskStage(engine)
      const { hub, ada } = t
      const id = await t.addTask('echo "$RELEASE_VERSION"; sleep 1', { releaseAsset: 'a.txt', onRelease: true })
      const release = async (version: string) => {
        hub.github.publish('Foundry376/Mailspring', version, [{ name: 'a.txt', bytes: new TextEncoder().encode(version) }])
        await ada.call('PATCH /repos')
      }
      await release('1.11.0')
      const reader = (await ada.send(`GET /tasks/${id}/logs`)).body?.getReader()
      await reader?.read()
      await runSql(hub.hub.config, refuseToStart)
      await release('1.12.0')
      await t.over(id)
      expect(await t.over(id)).toMatchObject({ status: 'Succeeded', log: '1.12.0\n' })
      await engine.empty()
    },
    longest
  )

  test(
    'what a task leaves behind is published only where its owner may still publish, and all of it or nothing',
    async () => {
      await using t = await taskStage(engine, { env: { IMAGE_MAX_BYTES: '1000' } })
      const { hub, ada } = t
      const grace = await hub.user('grace')
      await grace.call('POST /teams', { name: 'acme' })
      await grace.call('POST /acme/apps', { app_name: 'blinker' })
      await grace.call('PUT /teams/acme/members/ada', { role: 'member' })
      const id = await t.addTask('echo image > output/a.esp8266.image; echo other > output/b.txt', {
        containerImage: builder,
        publishTo: 'acme/blinker'
      })
      await ada.call(`POST /tasks/${id}`)
      expect(await t.over(id)).toMatchObject({ status: 'Succeeded' })
      const events = async () =>
        (await hub.hub.notices.after(0, { id: '', seesAll: true })).notices.filter(({ type }) => type === 'deployment.created')
      expect(await events()).toMatchObject([{ data: { team: 'acme', app: 'blinker', board: 'esp8266', tag: null, size: 6 } }])

      const large = 'head -c 2000 /dev/zero > output/b.esp8266.image; echo image > output/a.esp8266.image'
      expect(await t.run(large, { containerImage: builder, publishTo: 'acme/blinker' })).toMatchObject({
        status: 'Failed',
        failure: '"b.esp8266.image" has more than 1000 bytes'
      })
      const hole =
        'dd if=/dev/zero of=output/x bs=1 count=1 seek=9999999999 2>/dev/null; ln -s /etc/passwd output/a.esp8266.image'
      expect(await t.run(hole, { containerImage: builder, publishTo: 'acme/blinker' })).toMatchObject({ status: 'Failed' })

      await grace.call('PUT /teams/acme/members/ada', { role: 'viewer' })
      await ada.call(`POST /tasks/${id}`)
      expect(await t.over(id)).toMatchObject({
        status: 'Failed',
        failure: 'It could not be published to acme/blinker: As viewer of this team you may not do this'
      })
      expect(await events()).toHaveLength(1)
      await engine.empty()
    },
    longest
  )
})
