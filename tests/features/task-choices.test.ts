import { describe, expect, test } from 'bun:test'
import { payloadsOf } from '../../src/features/containers/frames.ts'
import { distinctNames, safeName } from '../../src/features/containers/names.ts'
import { chooseAsset } from '../../src/features/tasks/choice.ts'

describe('the asset of a release that a task is for', () => {
  const made = (releaseAsset: string) => ({ releaseAsset, madeFor: '1.10.8' })
  const assets = ['app-1.11.0-amd64.deb', 'app-1.11.0.rpm', 'RELEASES', 'app-v1.11.0.zip'].map((name) => ({ name }))
  test.each([
    ['the one of that name', made('RELEASES'), 'RELEASES'],
    ['whose name differs by the version', made('app-1.10.8-amd64.deb'), 'app-1.11.0-amd64.deb'],
    ['with a v in the name', made('app-v1.10.8.zip'), 'app-v1.11.0.zip'],
    ['that fits a pattern', made('app-*.rpm'), 'app-1.11.0.rpm'],
    ['that fits a pattern of several parts', made('*amd*.deb'), 'app-1.11.0-amd64.deb'],
    ['none, where another ending is wanted', made('app-*.dmg'), undefined],
    ['none, where a part would stand twice', made('app-1.11.0-amd64.deb*.deb'), undefined],
    ['none, where nothing is called so', made('other-1.10.8'), undefined]
  ])('%s', (_what, wanted, expected) => {
    expect(chooseAsset(assets, 'v1.11.0', wanted)?.name).toBe(expected)
  })

  test('is found in no time, whatever the pattern', () => {
    const name = 'a'.repeat(250)
    expect(chooseAsset([{ name }], '1', made(`${'*a'.repeat(120)}b`))).toBeUndefined()
  })
})

describe('names of files', () => {
  test.each([
    ['KTP.pdf', 'KTP.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['/abs/olute', 'olute'],
    ['C:\\dir\\a.txt', 'a.txt'],
    ['a\nb', 'a_b'],
    ['..', 'file'],
    ['', 'file'],
    ['x/..', 'x'],
    ['\u202egnp.exe', '_gnp.exe'],
    ['-rf', '-rf'],
    [`${'ü'.repeat(200)}.tar`, `${'ü'.repeat(98)}.tar`]
  ])('%j becomes %j', (given, expected) => {
    expect(safeName(given)).toBe(expected)
  })

  test('that are equal are told apart, and leave those that are taken alone', () => {
    expect(distinctNames(['a.txt', 'a.txt', 'output', 'a-2.txt', '.x', '.x'], ['output'])).toEqual([
      'a.txt',
      'a-2.txt',
      'output-2',
      'a-2-2.txt',
      '.x',
      '.x-2'
    ])
  })
})

test('what a container wrote is taken out of its frames, however they are cut', async () => {
  const frame = (text: string) => Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)])
  const all = Buffer.concat([frame('hello '), frame(''), frame('world')])
  for (let size = 1; size <= all.length; size++) {
    async function* cut() {
      for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size)
    }
    let text = ''
    for await (const payload of payloadsOf(cut())) text += payload.toString()
    expect([size, text]).toEqual([size, 'hello world'])
  }
})
