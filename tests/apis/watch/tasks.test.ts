import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { busybox, hasEngine, startEngine, type TestEngine } from '../../support/engine.ts'
import { mailspring, mailspringAssets, watch, watchList } from '../../support/github.ts'
import { userClient } from '../../support/mqtt.ts'
import { asset, logOf, over, statusOf, taskStage } from '../../support/tasks.ts'

const longest = 60_000
const hexId = expect.stringMatching(/^[0-9a-f]{24}$/)
const notThere = { status: 404, body: { message: 'Task not found' } }

describe.skipIf(!hasEngine())(`001 on ${databaseName}: tasks`, () => {
  let engine: TestEngine
  beforeAll(async () => {
    engine = await startEngine()
  }, longest)
  afterAll(() => engine?.[Symbol.asyncDispose](), longest)

  const stage = (env: Record<string, string> = {}) => taskStage(engine, { env })

  /** A form with files, as a browser sends it. */
  function form(files: Record<string, string>, fields: Record<string, string | string[]> = {}) {
    const made = new FormData()
    for (const [name, values] of Object.entries(fields)) for (const value of [values].flat()) made.append(name, value)
    for (const [name, text] of Object.entries(files))
      made.append('additionalFiles', new File([text], name, { type: 'application/pdf' }))
    return made
  }

  test(
    'POST /tasks, POST /tasks/:id, GET …/status, GET …/logs, GET /tasks, DELETE /tasks/:id as the document has them',
    async () => {
      await using t = await stage()
      const { ada, repo } = t
      const body = { repo, releaseAsset: asset, runCommand: 'echo hello world', containerImage: busybox }
      const added = await ada.call('POST /tasks', body)
      expect(added).toEqual({ status: 201, body: { message: 'Task successfully added', id: hexId } })
      const { id } = added.body as { id: string }
      const created = {
        _id: id,
        repo,
        releaseAsset: asset,
        additionalFiles: [],
        runCommand: 'echo hello world',
        containerImage: busybox,
        status: 'Created'
      }
      expect(await ada.call(`GET /tasks/${id}/status`)).toEqual({ status: 200, body: created })
      expect(await ada.call(`GET /tasks/${id}/logs`)).toEqual({ status: 200, body: '' })

      expect(await ada.call(`POST /tasks/${id}`)).toEqual({ status: 204, body: '' })
      expect(await t.over(id)).toMatchObject({ status: 'Succeeded', log: 'hello world\n' })
      expect(await ada.call(`GET /tasks/${id}/status`)).toEqual({ status: 200, body: { ...created, status: 'Succeeded' } })
      const [listed] = await watchList(ada)
      expect(await ada.call('GET /tasks')).toEqual({ status: 200, body: [{ ...created, repo: listed, status: 'Succeeded' }] })

      expect(await ada.call(`DELETE /tasks/${id}`)).toEqual({
        status: 200,
        body: {
          message: 'Task successfully deleted',
          removedTask: { ...created, status: 'Succeeded', containerId: expect.stringMatching(/^[0-9a-f]{64}$/) }
        }
      })
      expect(await ada.call(`GET /tasks/${id}/status`)).toEqual(notThere)
      expect(await ada.call('GET /tasks')).toEqual({ status: 200, body: [] })
      await engine.empty()
    },
    longest
  )

  test('POST /tasks complains of the first field that is missing, and of what is wrong', async () => {
    await using t = await stage()
    const { ada, repo } = t
    const whole = { repo, releaseAsset: asset, runCommand: 'true', containerImage: busybox }
    const complaint = async (body: object) =>
      (await ada.call('POST /tasks', body)) as { status: number; body: { message: string } }
    const say = (message: string) => ({ status: 400, body: { message } })
    expect(await complaint({})).toEqual(say('Repo is required'))
    expect(await complaint({ repo })).toEqual(say('Release asset is required'))
    expect(await complaint({ repo, releaseAsset: asset })).toEqual(say('Run command is required'))
    expect(await complaint({ repo, releaseAsset: asset, runCommand: 'true' })).toEqual(say('Container Image is required'))
    expect(await complaint({ ...whole, repo: 'x' })).toEqual(say('Repository not found in the watch list'))
    expect(await complaint({ ...whole, repo: 'a'.repeat(24) })).toEqual(say('Repository not found in the watch list'))
    expect(await complaint({ ...whole, additionalFiles: ['a'.repeat(24)] })).toEqual(say('Additional file not found'))
    expect(await complaint({ ...whole, additionalFiles: ['x'] })).toEqual(say('Additional files must be ids of files'))
    expect(await complaint({ ...whole, containerImage: '../../etc' })).toEqual(
      say('Container Image must be the name of an image, such as ubuntu:latest')
    )
    expect(await complaint({ ...whole, onRelease: 'perhaps' })).toEqual(say('onRelease must be true or false'))
    expect(await complaint({ ...whole, publishTo: 'ghost' })).toEqual(say('Application not found'))
    expect(await complaint({ ...whole, publishTo: '../x' })).toEqual(
      say('publishTo must be the name of an application: <app> or <team>/<app>')
    )
    expect(await ada.call('GET /tasks')).toEqual({ status: 200, body: [] })
  })

  test('nobody but its owner sees a task', async () => {
    await using t = await stage()
    const id = await t.addTask('true')
    const eve = await t.hub.user('eve')
    for (const route of [`POST /tasks/${id}`, `GET /tasks/${id}/status`, `GET /tasks/${id}/logs`, `DELETE /tasks/${id}`])
      expect([route, await eve.call(route)]).toEqual([route, notThere])
    for (const malformed of ['1', 'x', '%00', "'", '0'.repeat(24)])
      expect([malformed, (await t.ada.call(`GET /tasks/${malformed}/status`)).status]).toEqual([malformed, 404])
    expect(await eve.call('GET /tasks')).toEqual({ status: 200, body: [] })
    expect(await t.hub.call(`POST /tasks/${id}`)).toEqual({ status: 401, body: { message: 'Invalid token' } })
    expect(await t.hub.call('POST /tasks', { repo: 1 })).toEqual({ status: 401, body: { message: 'Invalid token' } })
    expect(await t.hub.call('POST /files')).toEqual({ status: 401, body: { message: 'Invalid token' } })
    await using mallory = await userClient(t.hub, eve)
    expect(await mallory.subscribe([`tasks/${id}/status`, `tasks/${id}/logs`, `tasks/${id}/#`])).toEqual([128, 128, 128])
  })

  test(
    'a running task is not started again; a finished one is, and its log begins anew',
    async () => {
      await using t = await stage()
      const id = await t.addTask('echo begun; while [ ! -e /task/go ]; do sleep 0.1; done')
      await t.ada.call(`POST /tasks/${id}`)
      expect(await t.ada.call(`POST /tasks/${id}`)).toEqual({ status: 409, body: { message: 'Task is already running' } })
      await t.ada.call(`DELETE /tasks/${id}`)
      await engine.empty()
      const first = await t.run('echo once; cat /proc/sys/kernel/random/uuid')
      await t.ada.call(`POST /tasks/${first.id}`)
      const second = await t.over(first.id)
      expect(second).toMatchObject({ status: 'Succeeded', log: expect.stringMatching(/^once\n[0-9a-f-]{36}\n$/) })
      expect(second.log).not.toBe(first.log)
    },
    longest
  )

  test(
    'files lie beside the asset; archives are unpacked in the container; names are safe',
    async () => {
      await using t = await stage()
      const folder = `${engine.folder}/archive`
      await Bun.$`mkdir -p ${folder} && cd ${folder} && echo inside > in.txt && ln -sf /etc/passwd link && tar -czf ../a.tgz in.txt link`.quiet()
      const archive = await Bun.file(`${engine.folder}/a.tgz`).bytes()
      const upload = form(
        { 'KTP.pdf': 'a pdf', '../../etc/passwd': 'no', '/abs': 'abs', 'new\nline': 'x' },
        { extract: ['a.tgz'] }
      )
      upload.append('additionalFiles', new File([archive], 'a.tgz', { type: 'application/gzip' }))
      upload.append('additionalFiles', new File(['other'], asset))
      const answer = await t.ada.call('POST /files', undefined, { raw: upload })
      expect(answer).toEqual({ status: 201, body: { message: 'Files uploaded successfully', files: expect.any(Array) } })
      const { files } = answer.body as { files: { id: string; name: string }[] }
      expect(files.map(({ name }) => name)).toEqual([
        'KTP.pdf',
        'passwd',
        'abs',
        expect.stringMatching(/^new.*line$/),
        'a.tgz',
        asset
      ])
      expect(files.every(({ name }) => !/[/\n]/.test(name))).toBe(true)

      const ids = files.map(({ id }) => id)
      const done = await t.run(
        'cat "$RELEASE_ASSET"; echo; echo $RELEASE_VERSION; pwd; cat KTP.pdf passwd abs in.txt; readlink link; ls -d output',
        { additionalFiles: ids }
      )
      expect(done).toMatchObject({ status: 'Succeeded', log: `${asset}\n1.10.8\n/task\na pdfnoabsinside\n/etc/passwd\noutput\n` })
      expect((await statusOf(t.ada, done.id)) as object).toMatchObject({
        additionalFiles: expect.arrayContaining([
          { _id: ids[0], name: 'KTP.pdf', path: 'files/KTP.pdf', mimeType: 'application/pdf', extract: false },
          { _id: ids[4], name: 'a.tgz', path: 'files/a.tgz', mimeType: 'application/gzip', extract: true }
        ])
      })
      expect(await t.ada.call(`DELETE /tasks/${done.id}`)).toMatchObject({ body: { removedTask: { additionalFiles: ids } } })
    },
    longest
  )

  test(
    'the files themselves may come with the task, as a form',
    async () => {
      await using t = await stage()
      const fields = { repo: t.repo, releaseAsset: asset, runCommand: 'cat notes.txt', containerImage: busybox }
      const { body } = await t.ada.call('POST /tasks', undefined, { raw: form({ 'notes.txt': 'remember' }, fields) })
      const { id } = body as { id: string }
      await t.ada.call(`POST /tasks/${id}`)
      expect(await t.over(id)).toMatchObject({ status: 'Succeeded', log: 'remember' })
      const refused = await t.ada.call('POST /tasks', undefined, { raw: form({ 'notes.txt': 'x' }, { repo: t.repo }) })
      expect(refused).toEqual({ status: 400, body: { message: 'Release asset is required' } })
      expect(await t.ada.call('POST /files', undefined, { raw: form({}, { extract: 'true' }) })).toEqual({
        status: 400,
        body: { message: 'Additional files are required' }
      })
      expect((await t.ada.call('POST /files', { a: 1 })).status).toBe(400)
    },
    longest
  )

  test('files together have at most FILE_MAX_BYTES', async () => {
    await using t = await stage({ FILE_MAX_BYTES: '1000' })
    const big = form({ 'a.txt': 'x'.repeat(600), 'b.txt': 'x'.repeat(600) })
    expect(await t.ada.call('POST /files', undefined, { raw: big })).toEqual({
      status: 413,
      body: { message: 'More than 1000 bytes' }
    })
  })

  test(
    'a task that fails says why: by its status, in its log, and over MQTT',
    async () => {
      await using t = await stage()
      await using client = await userClient(t.hub, t.ada)
      expect(await client.subscribe(['tasks/+/status'])).toEqual([1])
      const done = await t.run('echo some; exit 3')
      expect(done).toMatchObject({
        status: 'Failed',
        failure: 'The command exited with status 3',
        log: 'some\nFailed: The command exited with status 3\n'
      })
      const topic = `tasks/${done.id}/status`
      expect(await client.next()).toMatchObject({
        topic,
        payload: JSON.stringify({ id: done.id, status: 'Running' }),
        retain: false,
        qos: 1
      })
      expect(await client.next()).toMatchObject({ topic, payload: JSON.stringify({ id: done.id, status: 'Failed' }) })
      await using later = await userClient(t.hub, t.ada)
      await later.subscribe([topic])
      expect(await later.next()).toMatchObject({
        topic,
        payload: JSON.stringify({ id: done.id, status: 'Failed' }),
        retain: true
      })
      await t.ada.call(`DELETE /tasks/${done.id}`)
      expect(await client.next()).toMatchObject({ topic, payload: '' })

      expect(await t.run('true', { containerImage: 'localhost:1/nowhere' })).toMatchObject({
        status: 'Failed',
        log: expect.stringContaining('Pulling localhost:1/nowhere\n')
      })
      expect(await t.run('true', { releaseAsset: 'ghost.deb' })).toMatchObject({
        failure: 'Release 1.10.8 has no asset "ghost.deb"'
      })
      const unwatched = await t.addTask('true')
      await t.ada.call(`DELETE /repos/${t.repo}`)
      await t.ada.call(`POST /tasks/${unwatched}`)
      expect(await t.over(unwatched)).toMatchObject({ failure: 'Repository not found in the watch list' })
      expect(await t.ada.call('GET /tasks')).toMatchObject({
        body: expect.arrayContaining([expect.objectContaining({ repo: expect.objectContaining(mailspring) })])
      })
    },
    longest
  )

  test(
    'the log streams as the container writes, to many readers, from any offset, and over MQTT',
    async () => {
      await using t = await stage()
      await using client = await userClient(t.hub, t.ada)
      const id = await t.addTask('echo one; read wait < /task/pipe; echo two', { additionalFiles: [] })
      const piped = await t.addTask('mkfifo pipe; echo one; read word < pipe; echo two $word')
      await t.ada.call(`DELETE /tasks/${id}`)
      await client.subscribe([`tasks/${piped}/logs`], 0)
      await t.ada.call(`POST /tasks/${piped}`)
      const follow = async (offset: string) => (await t.ada.send(`GET /tasks/${piped}/logs${offset}`)).body?.getReader()
      const [whole, part] = await Promise.all([follow(''), follow('?offset=2')])
      const text = async (reader: typeof whole) => new TextDecoder().decode((await reader?.read())?.value)
      expect([await text(whole), await text(part)]).toEqual(['one\n', 'e\n'])
      expect(await client.next()).toMatchObject({ topic: `tasks/${piped}/logs`, payload: 'one\n', qos: 0, retain: false })
      expect(await logOf(t.ada, piped)).toBe('one\n')
      const [container = ''] = (await engine.docker.listContainers()).map(({ Id }) => Id)
      await engine.run(['exec', container, 'sh', '-c', 'echo three > /task/pipe'])
      expect([await text(whole), await text(part)]).toEqual(['two three\n', 'two three\n'])
      expect([(await whole?.read())?.done, (await part?.read())?.done]).toEqual([true, true])
      expect((await client.next()).payload).toBe('two three\n')
      expect(await t.over(piped)).toMatchObject({ status: 'Succeeded', log: 'one\ntwo three\n' })
      expect(await t.ada.call(`GET /tasks/${piped}/logs?offset=4`)).toEqual({ status: 200, body: 'two three\n' })
      expect(await t.ada.call(`GET /tasks/${piped}/logs?offset=400`)).toEqual({ status: 200, body: '' })
      expect((await t.ada.call(`GET /tasks/${piped}/logs?offset=x`)).status).toBe(400)
    },
    longest
  )

  test(
    'a task that succeeds brings its owner’s repo up to date; with onRelease it does so by itself',
    async () => {
      await using t = await stage()
      const eve = await t.hub.user('eve')
      await watch(eve)
      const id = await t.addTask('cat $RELEASE_ASSET', { onRelease: true })
      expect(await t.ada.call(`GET /tasks/${id}/status`)).toMatchObject({ body: { status: 'Created', onRelease: true } })
      const names = mailspringAssets.map((name) => name.replace('1.10.8', '1.11.0'))
      t.hub.github.publish(
        'Foundry376/Mailspring',
        'v1.11.0',
        names.map((name) => ({ name, bytes: new TextEncoder().encode(`${name}!`) }))
      )
      await t.ada.call('PATCH /repos')
      expect(await over(t.hub, t.ada, id)).toMatchObject({ status: 'Succeeded', log: 'mailspring-1.11.0-amd64.deb!' })
      expect(await watchList(t.ada)).toMatchObject([{ currentVersion: 'v1.11.0', latestVersion: 'v1.11.0' }])
      expect(await watchList(eve)).toMatchObject([{ currentVersion: '1.10.8', latestVersion: 'v1.11.0' }])
    },
    longest
  )

  test(
    'a task deleted while it runs takes its container with it',
    async () => {
      await using t = await stage()
      const id = await t.addTask('echo up; sleep 1000')
      await t.ada.call(`POST /tasks/${id}`)
      const reader = (await t.ada.send(`GET /tasks/${id}/logs`)).body?.getReader()
      await reader?.read()
      expect(await t.ada.call(`DELETE /tasks/${id}`)).toMatchObject({
        status: 200,
        body: { removedTask: { status: 'Running', containerId: expect.any(String) } }
      })
      expect(await engine.containers()).toEqual([])
      expect((await reader?.read())?.done).toBe(true)
    },
    longest
  )
})
