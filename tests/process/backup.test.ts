import { describe, expect, test } from 'bun:test'
import { copyFile, mkdir, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lockFolder, lockSweeping } from '../../src/lib/folder-lock.ts'
import { emptyPlace, operate, startOperating } from '../support/command.ts'
import { type Laden, ladenHub, smallHub } from '../support/laden.ts'
import { hubHome } from '../support/process.ts'

const lines = (text: string) => text.trimEnd().split('\n')

/** What the restored hub says is what the other has acknowledged before the backup was begun. */
async function expectAllOf(
  hub: Awaited<ReturnType<Awaited<ReturnType<typeof hubHome>>['start']>>,
  before: Laden['acknowledged']
) {
  const headers = { access_token: before.token }
  const { body } = await hub.call('GET /admin/devices/lamp/log', { headers })
  const said = new Set((body as { log: { line: string }[] }).log.map(({ line }) => line))
  expect(before.lines.filter((line) => !said.has(line))).toEqual([])
  const image = await fetch(`${hub.base}/devices/${before.secret}/image?deployment_id=${before.images.at(-1)?.id ?? 0}`)
  expect(new Bun.CryptoHasher('sha256').update(await image.bytes()).digest('hex')).toBe(before.images.at(-1)?.sha256 ?? '')
}

describe('a backup', () => {
  test('taken under load is whole: restored elsewhere it verifies, and a hub starts on it with all that was acknowledged', async () => {
    await using home = await hubHome()
    await using place = await emptyPlace()
    await using load = await ladenHub(await home.start())
    await load.until(({ lines: said, images }) => said.length > 200 && images.length > 5)
    const before = structuredClone(load.acknowledged)
    const file = join(place.folder, 'hub.tar')
    const made = await operate(`backup ${file}`, home.env)
    expect(made.code, made.complaints).toBe(0)
    expect(made.output).toMatch(/hub\.tar: the database, jwt-secret, hub-id, \d+ blobs; /)
    await load.until(({ lines: said }) => said.length > before.lines.length + 200) // the hub goes on meanwhile, and after
    expect((await load.stop()).refused).toEqual([])
    expect((await stat(file)).mode & 0o777).toBe(0o600)

    const restored = await operate(`restore ${file}`, place.env)
    expect(restored.code, restored.complaints).toBe(0)
    const verified = await operate('verify', place.env)
    expect(lines(verified.output).at(-1)).toBe('Everything is right.')
    expect(verified.code).toBe(0)
    await using elsewhere = await hubHome({ DATA_DIR: place.env.DATA_DIR ?? '' })
    await expectAllOf(await elsewhere.start(), before)
  }, 60_000)

  test('holds up the sweep of bytes, and waits for one', async () => {
    await using home = await hubHome()
    const hub = await home.start()
    const sweeping = lockSweeping(home.dataDir)
    const waiting = operate(`backup ${join(home.dataDir, 'hub.tar')}`, home.env)
    expect(await Promise.race([waiting, hub.call('GET /health').then(() => 'still waiting')])).toBe('still waiting')
    sweeping?.()
    expect((await waiting).code).toBe(0)
  })

  test('that is interrupted leaves nothing behind', async () => {
    await using home = await hubHome()
    await using place = await emptyPlace()
    await smallHub(home)
    const sweeping = lockSweeping(home.dataDir)
    const child = startOperating(`backup ${join(place.folder, 'hub.tar')}`, home.env)
    for await (const chunk of child.stderr) if (new TextDecoder().decode(chunk).includes('Waiting')) child.kill('SIGINT')
    expect(await child.exited).toBe(130)
    expect(await readdir(place.folder)).toEqual([])
    sweeping?.()
  })

  test('tells of bytes that are not as they should be, and is made of the others', async () => {
    await using home = await hubHome()
    await using place = await emptyPlace()
    const { acknowledged, damage } = await smallHub(home)
    const [gone, other] = acknowledged.images
    await damage(gone?.sha256 ?? '', (path) => rm(path))
    await damage(other?.sha256 ?? '', (path) => writeFile(path, 'x'.repeat(other?.size ?? 0)))
    const file = join(place.folder, 'hub.tar')
    const made = await operate(`backup ${file}`, home.env)
    expect(made.code).toBe(1)
    expect(lines(made.output).slice(0, 2)).toEqual([
      `WRONG  deployment 1: the bytes ${gone?.sha256} are not there`,
      `WRONG  deployment 2: the bytes ${other?.sha256} are not what was stored`
    ])
    const restored = await operate(`restore ${file}`, place.env)
    expect({ code: restored.code, first: lines(restored.output)[0] }).toEqual({
      code: 1,
      first: `WRONG  the bytes ${other?.sha256} are damaged in the backup`
    })
    const verified = await operate('verify', place.env)
    expect(verified.code).toBe(1)
    expect(verified.output).toContain(`WRONG  deployment 1: the bytes ${gone?.sha256} are not there\n`)
    expect(lines(verified.output).at(-1)).toBe('2 things wrong.')
  })

  test('is refused over a file that is there, for no hub, and for PostgreSQL', async () => {
    await using place = await emptyPlace()
    const file = join(place.folder, 'hub.tar')
    expect((await operate(`backup ${file}`, place.env)).complaints).toStartWith('There is no database in ')
    expect(
      (
        await operate(`backup ${file}`, {
          ...place.env,
          DATABASE_URL: 'postgres://127.0.0.1:9/hub',
          JWT_SECRET: 'x'.repeat(32)
        })
      ).complaints
    ).toStartWith('The rows are in PostgreSQL: use pg_dump')
    await writeFile(file, 'mine')
    expect(await operate(`backup ${file}`, place.env)).toMatchObject({ code: 1, complaints: `${file} is there already\n` })
    expect(await readdir(place.folder)).toEqual(['hub.tar'])
  })
})

describe('restore', () => {
  test('refuses a folder that is not empty, or that a hub is running on', async () => {
    await using home = await hubHome()
    await using place = await emptyPlace()
    await smallHub(home)
    const file = join(place.folder, 'hub.tar')
    await operate(`backup ${file}`, home.env)
    expect(await operate(`restore ${file}`, home.env)).toMatchObject({ code: 1, complaints: `${home.dataDir} is not empty\n` })
    const unlock = lockFolder(home.dataDir)
    expect(await operate(`restore ${file}`, home.env)).toMatchObject({
      code: 1,
      complaints: `${home.dataDir} is in use by another process\n`
    })
    unlock()
  })

  test('leaves nothing behind where the archive is not whole', async () => {
    await using home = await hubHome()
    await using place = await emptyPlace()
    await smallHub(home)
    const whole = join(place.folder, 'hub.tar')
    await operate(`backup ${whole}`, home.env)
    const harms: [sentence: string, harm: (file: string) => Promise<unknown>][] = [
      ['is damaged, or breaks off', async (file) => truncate(file, (await stat(file)).size - 200_000)],
      ['is damaged, or breaks off', (file) => truncate(file, 0)],
      ['This is no backup of Updraft', (file) => Bun.$`tar -cf ${file} -C ${import.meta.dir} .`],
      ['The database in the backup is damaged', (file) => spoil(file, 'SQLite format 3')]
    ]
    for (const [n, [sentence, harm]] of harms.entries()) {
      const file = join(place.folder, `${n}.tar`)
      await copyFile(whole, file)
      await harm(file)
      const { code, complaints } = await operate(`restore ${file}`, place.env)
      expect(code).toBe(1)
      expect(complaints).toContain(sentence)
      expect(await readdir(place.env.DATA_DIR ?? '')).toEqual(['lock'])
    }
  })
})

describe('gc', () => {
  test('removes what nothing refers to and nobody has stored within the hour, of a hub that is stopped', async () => {
    await using home = await hubHome()
    const { acknowledged, damage, stop } = await smallHub(home, 'running')
    const orphan = join(home.dataDir, 'blobs', 'aa', 'aa', 'a'.repeat(64))
    const young = join(home.dataDir, 'blobs', 'aa', 'aa', `${'a'.repeat(63)}b`)
    await mkdir(join(home.dataDir, 'blobs', 'aa', 'aa'), { recursive: true })
    await damage(acknowledged.images[0]?.sha256 ?? '', (path) => copyFile(path, orphan))
    await copyFile(orphan, young)
    const longAgo = new Date(Date.now() - 2 * 60 * 60_000)
    await utimes(orphan, longAgo, longAgo)
    expect(await operate('gc', home.env)).toMatchObject({
      code: 1,
      complaints: `${home.dataDir} is in use by another process\n`
    })
    expect((await operate('gc --dry-run', home.env)).output).toBe('Nothing refers to 2 blobs.\n')
    await stop()
    expect(await operate('gc', home.env)).toEqual({ code: 0, output: '1 blob removed.\n', complaints: '' })
    expect([await Bun.file(orphan).exists(), await Bun.file(young).exists()]).toEqual([false, true])
    expect((await operate('verify', home.env)).output).toContain('; 1 blob that nothing refers to.\n')
  })
})

/** Changes one byte in the middle of a file, some way behind a text in it. */
async function spoil(file: string, behind: string) {
  const bytes = Buffer.from(await Bun.file(file).arrayBuffer())
  const at = bytes.indexOf(behind) + 5000
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(file, bytes)
}
