import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { hasEngine, startEngine, type TestEngine } from '../support/engine.ts'
import { restart } from '../support/mqtt.ts'
import { taskStage } from '../support/tasks.ts'

const longest = 120_000
const MiB = 1024 * 1024

describe.skipIf(!hasEngine())('a task in a real container', () => {
  let engine: TestEngine
  beforeAll(async () => {
    engine = await startEngine()
  }, longest)
  afterAll(() => engine?.[Symbol.asyncDispose](), longest)

  /** A hub whose containers have little. */
  const stage = (env: Record<string, string> = {}) =>
    taskStage(engine, { env: { TASK_MEMORY: '64m', TASK_DISK: '50MiB', TASK_LOG: '1MiB', TASK_TIMEOUT: '60s', ...env } })

  /** Runs what is up to no good, and meanwhile asks the hub for something else. */
  async function abuse(command: string, env: Record<string, string> = {}) {
    await using t = await stage(env)
    const id = await t.addTask(command)
    await t.ada.call(`POST /tasks/${id}`)
    const meanwhile = await t.ada.call('GET /me')
    expect(meanwhile.status).toBe(200)
    const done = await t.over(id)
    expect((await t.hub.call('GET /health')).status).toBe(200)
    expect(t.hub.logged()).not.toContain('unexpected')
    await engine.empty()
    return done
  }

  test(
    'may do nothing that needs a privilege',
    async () => {
      const done = await abuse(
        'grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status; mount -t tmpfs none /tmp 2>&1; chown 1 /task/output 2>&1; ls /sys/class/net'
      )
      expect(done.log).toMatch(/CapEff:\t0{16}\nCapBnd:\t0{16}\nNoNewPrivs:\t1\n/)
      expect(done.log).toMatch(/mount: .*(denied|not permitted)/)
      expect(done.log).toMatch(/chown: .*not permitted/)
      expect(done.log).toEndWith('lo\n')
    },
    longest
  )

  test(
    'is ended by its own fork bomb, and nobody else is',
    async () => {
      const done = await abuse('bomb() { bomb | bomb & }; bomb; sleep 1; exit 7', { TASK_LOG: '100k' })
      expect(done.status).toBe('Failed')
      expect(done.log).toContain("can't fork")
    },
    longest
  )

  test(
    'that fills memory is killed, and its owner reads why',
    async () => {
      const done = await abuse('echo begun; exec tail /dev/zero')
      expect(done).toMatchObject({
        status: 'Failed',
        failure: 'It was killed (status 137), most likely for want of memory: it may use 64 MiB'
      })
      expect(done.log).toBe(`begun\nFailed: ${done.failure}\n`)
    },
    longest
  )

  test(
    'that fills its disk is ended, and its owner reads why',
    async () => {
      const done = await abuse(
        'echo begun; while true; do dd if=/dev/zero of=/task/$(cat /proc/sys/kernel/random/uuid) bs=1M count=4 2>/dev/null; sleep 0.05; done'
      )
      expect(done).toMatchObject({ status: 'Failed', failure: 'It wrote more than 50 MiB to its disk' })
    },
    longest
  )

  test(
    'that fills a volume of its image is ended just so',
    async () => {
      await engine.importImage('localhost/voluminous', `${engine.folder}/busybox`, ['ENV PATH=/bin', 'VOLUME /data'])
      await using t = await stage()
      const fill =
        'while true; do dd if=/dev/zero of=/data/$(cat /proc/sys/kernel/random/uuid) bs=1M count=4 2>/dev/null; sleep 0.05; done'
      const done = await t.run(fill, { containerImage: 'localhost/voluminous' })
      expect(done).toMatchObject({ status: 'Failed', failure: 'It wrote more than 50 MiB to its disk' })
      await engine.empty()
      expect(await engine.run(['volume', 'ls', '--quiet'])).toBe('')
    },
    longest
  )

  test(
    'that writes a gigabyte of log is ended, with what is kept of it',
    async () => {
      const done = await abuse('yes "a line that is written over and over again" | head -c 1000000000')
      expect(done).toMatchObject({ status: 'Failed', failure: 'It wrote more than 1 MiB of log' })
      expect(done.log.length).toBeGreaterThan(MiB)
      expect(done.log.length).toBeLessThan(MiB + 100)
      expect(done.log).toStartWith('a line that is written over and over again\n')
      expect(done.log).toEndWith('\nFailed: It wrote more than 1 MiB of log\n')
    },
    longest
  )

  test(
    'that never ends is ended in time',
    async () => {
      const done = await abuse('trap "" TERM; echo begun; while true; do sleep 1; done', { TASK_TIMEOUT: '2s' })
      expect(done).toMatchObject({
        status: 'Failed',
        failure: 'It ran longer than 2 seconds',
        log: 'begun\nFailed: It ran longer than 2 seconds\n'
      })
    },
    longest
  )

  test(
    'reaches no network',
    async () => {
      const done = await abuse(
        'ls /sys/class/net; cat /proc/net/route | wc -l; nc -w 2 127.0.0.1 22; nc -w 2 10.0.0.1 80; echo $?'
      )
      expect(done.log).toMatch(/^lo\n1\n/)
      expect(done.log).toContain('Network is unreachable')
    },
    longest
  )

  test(
    'whose image has no shell fails with the words of the engine',
    async () => {
      await engine.run(['import', '-', 'localhost/empty'], new Response(new Uint8Array(10_240)))
      await using t = await stage()
      const done = await t.run('true', { containerImage: 'localhost/empty' })
      expect(done).toMatchObject({ status: 'Failed', failure: expect.stringContaining('executable file not found') })
      await engine.empty()
    },
    longest
  )

  test(
    'goes on while the hub is stopped and started again',
    async () => {
      await using t = await stage()
      const id = await t.addTask('echo begun; sleep 2; echo done')
      await t.ada.call(`POST /tasks/${id}`)
      const reader = (await t.ada.send(`GET /tasks/${id}/logs`)).body?.getReader()
      await reader?.read()
      await using second = await restart(t.hub)
      expect(await engine.containers()).toEqual([`task-${id}-1`])
      const log = await fetch(`http://127.0.0.1:${second.ports.http}/tasks/${id}/logs`, {
        headers: { access_token: t.ada.token }
      })
      expect(await log.text()).toBe('begun\ndone\n')
      await engine.empty()
    },
    longest
  )

  test(
    'ends with the account of its owner',
    async () => {
      await using t = await stage({ TASK_CONCURRENCY: '1' })
      const ids = [await t.addTask('echo begun; sleep 1000'), await t.addTask('sleep 1000')]
      for (const id of ids) await t.ada.call(`POST /tasks/${id}`)
      const reader = (await t.ada.send(`GET /tasks/${ids[0]}/logs`)).body?.getReader()
      await reader?.read()
      expect((await t.ada.call('DELETE /auth')).status).toBe(200)
      await engine.empty()
    },
    longest
  )

  test(
    'has a log that ends for whoever followed it by a CLI key that is gone',
    async () => {
      await using t = await stage()
      const { id: userId } = (await t.ada.call('GET /me')).body as { id: string }
      const made = await t.ada.call(`POST /v1/users/${userId}/cli-keys`, { name: 'laptop' })
      const { key } = made.body as { key: string }
      const id = await t.addTask('while true; do echo up; sleep 0.1; done')
      await t.ada.call(`POST /tasks/${id}`)
      const log = await t.hub.as(key).send(`GET /tasks/${id}/logs`)
      expect(log.status).toBe(200)
      await t.ada.call(`DELETE /v1/users/${userId}/cli-keys/laptop`)
      expect(await log.text()).toStartWith('up\n')
      expect(await t.ada.call(`GET /tasks/${id}/status`)).toMatchObject({ body: { status: 'Running' } })
      await t.ada.call(`DELETE /tasks/${id}`)
    },
    longest
  )

  test(
    'more tasks than there is room for wait their turn',
    async () => {
      await using t = await stage({ TASK_CONCURRENCY: '1' })
      const ids = await Promise.all(['one', 'two', 'three'].map((word) => t.addTask(`echo ${word}; sleep 0.2`)))
      for (const id of ids) await t.ada.call(`POST /tasks/${id}`)
      const done = await Promise.all(ids.map((id) => t.over(id)))
      expect(done.map(({ log, status }) => `${status}: ${log}`)).toEqual(
        ['one', 'two', 'three'].map((word) => `Succeeded: ${word}\n`)
      )
    },
    longest
  )
})

describe.skipIf(!hasEngine())('an engine', () => {
  test(
    'that is not there fails the task, and the hub goes on',
    async () => {
      await using engine = await startEngine()
      await engine.kill()
      await using t = await taskStage(engine, { enginePatience: 300 })
      const done = await t.run('true')
      expect(done).toMatchObject({ status: 'Failed', failure: 'The container engine does not answer' })
      expect(done.log).toBe('Failed: The container engine does not answer\n')
      expect((await t.hub.call('GET /health')).status).toBe(200)
      await engine.start()
      expect(await t.run('echo well')).toMatchObject({ status: 'Succeeded', log: 'well\n' })
    },
    longest
  )

  test(
    'that dies in the middle and comes back costs a task nothing',
    async () => {
      await using engine = await startEngine()
      await using t = await taskStage(engine)
      const id = await t.addTask('for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.4; done')
      await t.ada.call(`POST /tasks/${id}`)
      const reader = (await t.ada.send(`GET /tasks/${id}/logs`)).body?.getReader()
      await reader?.read()
      await engine.kill()
      expect((await t.hub.call('GET /health')).status).toBe(200)
      await engine.start()
      expect(await t.over(id)).toMatchObject({ status: 'Succeeded', log: '1\n2\n3\n4\n5\n6\n7\n8\n' })
      await engine.empty()
    },
    longest
  )

  test(
    'that dies in the middle for good fails the task',
    async () => {
      await using engine = await startEngine()
      await using t = await taskStage(engine, { enginePatience: 500 })
      const id = await t.addTask('echo begun; sleep 1000')
      await t.ada.call(`POST /tasks/${id}`)
      const reader = (await t.ada.send(`GET /tasks/${id}/logs`)).body?.getReader()
      await reader?.read()
      await engine.kill()
      expect(await t.over(id)).toMatchObject({ status: 'Failed', log: 'begun\nFailed: The container engine does not answer\n' })
      await engine.start()
      expect(await engine.containers()).toHaveLength(1)
      await t.hub.hub.tidy()
      await engine.empty()
    },
    longest
  )
})
