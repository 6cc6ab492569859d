import { describe, expect, test } from 'bun:test'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Journal, openJournal, readJournal } from '../../src/db/journal.ts'

const id = 'of the tests'
const MiB = 1024 * 1024

/** A journal in a folder of its own, and what it is after its process was killed. */
async function testJournal() {
  const root = await mkdtemp(join(tmpdir(), 'updraft-journal-'))
  const folder = join(root, 'living')
  await mkdir(folder)
  const open = (where = folder, takenUpTo = 0) => openJournal({ path: join(where, 'db'), id }, takenUpTo)
  const journals = [await open()]
  return {
    folder,
    journal: journals[0] as Journal,
    files: async () => (await readdir(folder)).toSorted(),
    /** Another over what a kill now would leave on the disk, after `damage` was done to it. */
    async killed({ takenUpTo = 0, damage }: { takenUpTo?: number; damage?: (folder: string) => Promise<void> } = {}) {
      const copy = join(root, `killed-${journals.length}`)
      await cp(folder, copy, { recursive: true })
      await damage?.(copy)
      const journal = await open(copy, takenUpTo)
      journals.push(journal)
      return { copy, journal }
    },
    async [Symbol.asyncDispose]() {
      for (const journal of journals) await journal.close()
      await rm(root, { recursive: true, force: true })
    }
  }
}

/** All that waits after a number: of more than one file it is given file by file. */
function texts(journal: Journal, after = 0): string[] {
  const some = journal.oldest(after, MiB)
  return some.length === 0 ? [] : [...some.map(({ text }) => text), ...texts(journal, some.at(-1)?.number)]
}

/** Changes the bytes of a file in a folder. */
const change = (name: string, how: (bytes: Buffer) => Buffer | undefined) => async (folder: string) => {
  const bytes = await readFile(join(folder, name))
  await writeFile(join(folder, name), how(bytes) ?? bytes)
}

describe('the journal', () => {
  test('gives what was stored, oldest first, until that is taken', async () => {
    await using t = await testJournal()
    expect([t.journal.newest(), texts(t.journal), await t.files()]).toEqual([undefined, [], []])
    await t.journal.append(['one', 'zwölf 🎈'])
    await Promise.all([t.journal.append(['three']), t.journal.append(['four'])])
    expect(t.journal.oldest(0, MiB)).toEqual([
      { number: 1, text: 'one' },
      { number: 2, text: 'zwölf 🎈' },
      { number: 3, text: 'three' },
      { number: 4, text: 'four' }
    ])
    t.journal.forget(2)
    expect([t.journal.newest(), texts(t.journal)]).toEqual([4, ['three', 'four']])
    t.journal.forget(4)
    expect([t.journal.newest(), texts(t.journal)]).toEqual([undefined, []])
    await t.journal.append(['five'])
    expect(t.journal.newest()).toBe(5)
  })

  test('gives no more than so many bytes at once, and one text in any case', async () => {
    await using t = await testJournal()
    await t.journal.append(['a'.repeat(100), 'b'.repeat(100), 'c'.repeat(100)])
    const counted = (bytes: number, after = 0) => t.journal.oldest(after, bytes).length
    expect([counted(1), counted(200), counted(250), counted(1000), counted(1000, 2)]).toEqual([1, 1, 2, 3, 1])
  })

  test('fills few files, however much goes through it, and leaves none where all was taken', async () => {
    await using t = await testJournal()
    const text = 'x'.repeat(100_000)
    for (let n = 1; n <= 100; n++) {
      await t.journal.append([`${n} ${text}`])
      if (n > 5) {
        const [oldest] = t.journal.oldest(n - 6, 1)
        expect(oldest).toEqual({ number: n - 5, text: `${n - 5} ${text}` })
        t.journal.forget(n - 5)
      }
    }
    expect((await t.files()).length).toBeLessThanOrEqual(3)
    t.journal.forget(100)
    await t.journal.close()
    expect(await t.files()).toEqual([])
  })

  test('loses no file of which all is taken just while another is made', async () => {
    await using t = await testJournal()
    const text = 'x'.repeat(600_000) // one to a file
    await t.journal.append([text])
    await t.journal.append([text])
    const third = t.journal.append([text])
    await new Promise((resolve) => void setImmediate(resolve)) // it is being made now
    t.journal.forget(1)
    await third
    expect((await t.files()).length).toBe(3)
    await t.journal.append([text])
    expect((await t.files()).length).toBe(3)
    t.journal.forget(4)
    await t.journal.close()
    expect(await t.files()).toEqual([])
  })

  test('takes a text larger than its files', async () => {
    await using t = await testJournal()
    const large = 'x'.repeat(3 * MiB)
    await t.journal.append(['small'])
    await t.journal.append([large])
    await t.journal.append(['after it'])
    const { journal } = await t.killed()
    expect(texts(journal).map(({ length }) => length)).toEqual([5, 3 * MiB, 8])
  })

  test('has all that was stored although its process was killed, and goes on behind it', async () => {
    await using t = await testJournal()
    await t.journal.append(['one', 'two'])
    await t.journal.append(['three'])
    const { journal } = await t.killed({ takenUpTo: 1 })
    expect(texts(journal)).toEqual(['two', 'three'])
    await journal.append(['four'])
    expect(journal.newest()).toBe(4)
    journal.forget(4)
    const { journal: all } = await t.killed({ takenUpTo: 3 })
    await all.append(['another four'])
    expect([all.newest(), texts(all)]).toEqual([4, ['another four']])
  })

  test('does not give what was taken once more from a file that is written anew', async () => {
    await using t = await testJournal()
    const text = 'x'.repeat(400_000)
    for (let n = 1; n <= 9; n++) {
      await t.journal.append([text])
      if (n < 8) t.journal.forget(n)
    }
    const { journal } = await t.killed({ takenUpTo: 7 })
    expect([journal.newest(), journal.oldest(0, 1)[0]?.number]).toEqual([9, 8])
  })

  const torn: [string, (bytes: Buffer) => Buffer | undefined, string[]][] = [
    ['the end of which is missing', (bytes) => bytes.subarray(0, bytes.indexOf('three') + 3), ['one', 'two']],
    ['the end of which is zeros', (bytes) => bytes.fill(0, bytes.indexOf('three') + 3), ['one', 'two']],
    ['in the middle of which a byte is another', (bytes) => void bytes.write('X', bytes.indexOf('two')), ['one', 'three']],
    ['that is empty', () => Buffer.alloc(0), []],
    ['of nothing but line ends', (bytes) => bytes.fill('\n'), []]
  ]
  test.each(torn)('has the whole lines of a file %s', async (_, damage, left) => {
    await using t = await testJournal()
    await t.journal.append(['one', 'two', 'three'])
    const { journal } = await t.killed({ damage: change('db-reports.1', damage) })
    expect(texts(journal)).toEqual(left)
    await journal.append(['next'])
    expect(texts(journal)).toEqual([...left, 'next'])
  })

  test('of another database is none', async () => {
    await using t = await testJournal()
    await t.journal.append(['one'])
    expect(await readJournal({ path: join(t.folder, 'db'), id }, 0)).toEqual([{ number: 1, text: 'one' }])
    expect(await readJournal({ path: join(t.folder, 'db'), id: 'another' }, 0)).toEqual([])
    expect(await readJournal({ path: join(t.folder, 'nothing here'), id }, 0)).toEqual([])
  })

  test('stores again what comes after something that it could not store', async () => {
    await using t = await testJournal()
    await t.journal.append(['one'])
    const { journal, copy } = await t.killed({ takenUpTo: 1 })
    await rm(copy, { recursive: true })
    expect(await journal.append(['lost']).catch((error: Error) => error.message)).toStartWith('ENOENT')
    expect(await journal.append(['lost too']).catch((error: Error) => error.message)).toStartWith('ENOENT')
    await mkdir(copy)
    await journal.append(['stored'])
    expect(journal.oldest(0, MiB)).toEqual([{ number: 2, text: 'stored' }])
  })
})
