import { describe, expect, test } from 'bun:test'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { $ } from 'bun'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { type TestUser, testDevice, testHub } from '../../support/hub.ts'
import { until } from '../../support/mqtt.ts'
import { has } from '../../support/needs.ts'
import { apiKeyOf, buildOf, buildsOf, latest, linux, program, publish, testApplication } from '../../support/releases.ts'

async function stage() {
  const hub = await testHub()
  const ada = await hub.user('ada')
  const appId = await testApplication(ada)
  const pipeline = program(hub, await apiKeyOf(hub, appId))
  return { hub, ada, appId, pipeline }
}

function imageForm() {
  const form = new FormData()
  form.set('board', 'esp8266')
  form.set('image', new Blob(['an image']), 'firmware.image')
  return form
}

const readme = join(import.meta.dir, '../../../README.md')
const hasTools = has('curl', 'apt-get install curl') && has('git', 'apt-get install git')

/** The step of a pipeline as the README has it, for a hub at another address. */
async function stepOfReadme(base: string) {
  const [, section = ''] = (await Bun.file(readme).text()).split('### Publishing from a pipeline')
  const [, step = ''] = section.split(/```(?:sh)?\n/)
  return step.replace('https://hub.example.org', base)
}

// What `curl -F` would take for a file.
const subject = '@home; it no longer rains indoors'

/** A repository with a program that was built, tagged v1.2.3. */
async function repository() {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-pipeline-'))
  await mkdir(join(folder, 'target/release'), { recursive: true })
  await Bun.write(join(folder, 'target/release/weather'), 'echo it rains')
  const git = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org']
  await $`git init && git ${git} commit --allow-empty -m ${subject} && git ${git} tag -a v1.2.3 -m v1.2.3`.cwd(folder).quiet()
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

const another = 'The API key is of another application'

describe(`pipelines with an API key on ${databaseName}`, () => {
  test('publish builds of their application', async () => {
    const { hub, appId, pipeline } = await stage()
    await using _ = hub
    expect(buildOf(await publish(pipeline, appId, { version: '1.2.0' })).version).toBe('1.2.0')
    expect((await latest(hub, appId)).version).toBe('1.2.0')
  })

  test.skipIf(!hasTools)('publish by the step that the README gives', async () => {
    const { hub, appId } = await stage()
    await using _ = hub
    await using t = await repository()
    const env = { ...process.env, UPDRAFT_APP: appId, UPDRAFT_KEY: await apiKeyOf(hub, appId) }
    const run = async () => {
      const child = Bun.spawn(['sh', '-ec', await stepOfReadme(hub.base)], {
        cwd: t.folder,
        env,
        stdout: 'pipe',
        stderr: 'ignore'
      })
      return { answer: JSON.parse(await new Response(child.stdout).text()), exitCode: await child.exited }
    }
    expect(await run()).toMatchObject({ answer: { version: '1.2.3', notes: subject }, exitCode: 0 })
    expect(await (await fetch((await latest(hub, appId)).url)).text()).toBe('echo it rains')
    expect(await run()).toMatchObject({ answer: { message: 'Build already exists' }, exitCode: 22 })
  })

  test('publish deployments of their application, by either path', async () => {
    const { hub, ada, pipeline } = await stage()
    await using _ = hub
    const { secret } = await testDevice(ada, 'lamp')
    await ada.call('POST /ada/apps/my-application/devices', { device_name: 'lamp' })
    const deployed: unknown[] = []
    for (const path of ['/apps/my-application', '/ada/apps/my-application']) {
      expect(await pipeline.call(`POST ${path}/deployments`, undefined, { raw: imageForm() })).toEqual({ status: 200, body: {} })
      deployed.push((await hub.call(`PUT /devices/${secret}/heartbeat?status=ready`)).body)
    }
    expect(deployed).toEqual(['1', '2'])
  })

  test('may not publish to another application, also not of the same team', async () => {
    const { hub, ada, pipeline } = await stage()
    await using _ = hub
    const other = await testApplication(ada, 'Other')
    const eve = await hub.user('eve')
    const foreign = await testApplication(eve)
    for (const id of [other, foreign]) expect(await publish(pipeline, id)).toEqual({ status: 403, body: { message: another } })
    expect((await publish(pipeline, crypto.randomUUID())).status).toBe(404)
    for (const path of ['/apps/other', '/ada/apps/other', '/eve/apps/my-application']) {
      expect(await pipeline.call(`POST ${path}/deployments`, undefined, { raw: imageForm() })).toEqual({
        status: 403,
        body: { error: another, reasons: [] }
      })
    }
    for (const path of ['/apps/none', '/ada/apps/none', '/nobody/apps/other'])
      expect((await pipeline.call(`POST ${path}/deployments`, undefined, { raw: imageForm() })).status).toBe(404)
  })

  test('may nothing else: it is no sign-in', async () => {
    const { hub, appId, pipeline } = await stage()
    await using _ = hub
    const { build_id } = buildOf(await publish(pipeline, appId))
    for (const route of [
      `GET /applications/${appId}/builds`,
      `PATCH /applications/${appId}/builds/${build_id}`,
      'POST /applications',
      'GET /me',
      'GET /ada/apps'
    ])
      expect([route, (await pipeline.call(route, route.startsWith('GET') ? undefined : { disabled: true })).status]).toEqual([
        route,
        401
      ])
  })

  test('are refused with a key that is none, that was replaced, or of an inactive application', async () => {
    const { hub, ada, appId, pipeline } = await stage()
    await using _ = hub
    const refused = async (key: string) => [
      await publish(program(hub, key), appId),
      await program(hub, key).call('POST /apps/my-application/deployments', undefined, { raw: imageForm() })
    ]
    for (const key of ['', 'x', `app_${'0'.repeat(32)}`, ada.token])
      for (const { status } of await refused(key)) expect(status).toBe(401)

    const newer = program(hub, await apiKeyOf(hub, appId))
    expect(await publish(pipeline, appId)).toEqual({ status: 401, body: { message: 'Invalid API key' } })
    expect((await publish(newer, appId)).status).toBe(201)

    const root = await hub.root()
    await root.call(`DELETE /api/v1/applications/${appId}`)
    expect(await publish(newer, appId, { version: '1.0.1' })).toEqual({
      status: 403,
      body: { message: 'Application is inactive' }
    })
    expect(await newer.call('POST /apps/my-application/deployments', undefined, { raw: imageForm() })).toEqual({
      status: 403,
      body: { error: 'Application is inactive', reasons: [] }
    })
    await root.call(`PUT /api/v1/applications/${appId}`, { isActive: true })
    expect((await publish(newer, appId, { version: '1.0.1' })).status).toBe(201)
  })

  onOneHub('publish nothing with a key that was replaced while they still sent', async () => {
    const { hub, appId, pipeline } = await stage()
    await using _ = hub
    const slowly = (route: string) => {
      const body = new TransformStream<Uint8Array, Uint8Array>()
      const headers = { 'content-type': 'application/octet-stream' }
      const answer = pipeline.call(route, undefined, { raw: body.readable, headers })
      const writer = body.writable.getWriter()
      return { answer, begun: writer.write(new TextEncoder().encode('planted')), writer }
    }
    const sent = [
      slowly(`POST /applications/${appId}/builds?version=6.6.6&architecture=${linux}`),
      slowly('POST /apps/my-application/deployments?board=esp8266'),
      slowly('POST /ada/apps/my-application/deployments?board=esp8266')
    ]
    await Promise.all(sent.map(({ begun }) => begun))
    await until(async () => (await hub.stored()).length === sent.length, 'the uploads to begin')
    await apiKeyOf(hub, appId)
    for (const { answer, writer } of sent) {
      await writer.close()
      expect((await answer).status).toBe(401)
    }
    expect(await hub.stored()).toEqual([])
    const { notices } = await hub.hub.notices.after(0, { id: '', seesAll: true })
    expect(notices.filter(({ type }) => type === 'release.published' || type === 'deployment.created')).toEqual([])
  })

  onOneHub('nor does a user who has left the team, or the hub, meanwhile', async () => {
    const { hub, ada } = await stage()
    await using _ = hub
    await ada.call('POST /teams', { name: 'acme' })
    const { body } = await ada.call('POST /applications', { name: 'Weather', team: 'acme' })
    const { id } = body as { id: string }
    const leave: [string, (user: TestUser) => Promise<{ status: number }>, number][] = [
      ['grace', () => ada.call('DELETE /teams/acme/members/grace'), 403],
      ['eve', (eve) => eve.call('DELETE /auth'), 401]
    ]
    for (const [name, goes, status] of leave) {
      const user = await hub.user(name)
      await ada.call(`PUT /teams/acme/members/${name}`, { role: 'member' })
      const upload = new TransformStream<Uint8Array, Uint8Array>()
      const headers = { 'content-type': 'application/octet-stream' }
      const path = `POST /applications/${id}/builds?version=6.6.6&architecture=${linux}`
      const answer = user.call(path, undefined, { raw: upload.readable, headers })
      const writer = upload.writable.getWriter()
      await writer.write(new TextEncoder().encode('planted'))
      await until(async () => (await hub.stored()).length === 1, 'the upload to begin')
      await goes(user)
      await writer.close()
      expect((await answer).status).toBe(status)
    }
    expect(await buildsOf(ada, id)).toEqual([])
  })

  test('are known by their key, whatever token comes with it; who is asking is checked before what they sent', async () => {
    const { hub, ada, appId, pipeline } = await stage()
    await using _ = hub
    const other = await testApplication(ada, 'Other')
    const { token } = ada
    const send = (id: string, headers: Record<string, string>) =>
      pipeline.call(`POST /applications/${id}/builds`, { broken: true }, { headers })
    expect((await send(other, { access_token: token })).status).toBe(403)
    expect(
      (
        await hub.call(
          `POST /applications/${appId}/builds`,
          { broken: true },
          { headers: { 'x-api-key': 'none', access_token: token } }
        )
      ).status
    ).toBe(401)
    expect((await send(appId, {})).status).toBe(400)
  })
})
