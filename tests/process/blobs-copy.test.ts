import { describe, expect, test } from 'bun:test'
import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { emptyPlace, operate } from '../support/command.ts'
import { smallHub } from '../support/laden.ts'
import { hubHome } from '../support/process.ts'
import { freshBucket, hasS3, s3Env, s3Server } from '../support/s3.ts'

/** The environment of an empty bucket. */
async function bucketEnv() {
  const { settings } = await freshBucket()
  return s3Env({ ...settings, endpoint: s3Server?.endpoint ?? '' })
}

if (hasS3()) {
  describe('blobs copy', () => {
    test('takes a hub from its disk to S3, from there into a backup, and back', async () => {
      await using home = await hubHome()
      const { acknowledged } = await smallHub(home)
      const env = { ...home.env, ...(await bucketEnv()) }
      const images = acknowledged.images.length
      const copied = await operate('blobs copy disk s3', env)
      expect(copied.output).toMatch(
        new RegExp(`^${images} blobs copied to s3, [\\d.]+ MiB in [\\d.]+ s; 0 blobs had been there.\n$`)
      )
      expect(copied.code).toBe(0)
      expect((await operate('blobs copy disk s3', env)).output).toContain(`; ${images} blobs had been there.\n`)
      await rm(join(home.dataDir, 'blobs'), { recursive: true })
      expect((await operate('verify', env)).output).toContain(`Bytes: ${images} blobs right`)
      expect((await operate('gc', env)).output).toBe('0 blobs removed.\n')

      await using moved = await hubHome(env)
      const hub = await moved.start()
      const image = await (await fetch(`${hub.base}/devices/${acknowledged.secret}/image`)).bytes()
      expect(new Bun.CryptoHasher('sha256').update(image).digest('hex')).toBe(acknowledged.images.at(-1)?.sha256 ?? '')

      await using place = await emptyPlace()
      const file = join(place.folder, 'hub.tar')
      expect((await operate(`backup ${file}`, env)).code).toBe(0)
      expect((await operate(`restore ${file}`, place.env)).code).toBe(0)
      expect((await operate('verify', place.env)).output).toContain(`Bytes: ${images} blobs right`)
      const bare = { ...env, DATA_DIR: join(place.folder, 'bytes') }
      expect((await operate('blobs copy s3 disk', bare)).output).toStartWith(`${images} blobs copied to disk, `)
      await cp(join(place.folder, 'bytes', 'blobs'), join(home.dataDir, 'blobs'), { recursive: true })
      expect((await operate('verify', home.env)).output).toContain(`Bytes: ${images} blobs right`)
    }, 60_000)

    test('leaves out what is not what its name says, and names it', async () => {
      await using home = await hubHome()
      const { acknowledged, damage } = await smallHub(home)
      const { sha256 = '', size = 0 } = acknowledged.images[0] ?? {}
      await damage(sha256, (path) => writeFile(path, 'x'.repeat(size)))
      const { code, output } = await operate('blobs copy disk s3', { ...home.env, ...(await bucketEnv()) })
      expect(code).toBe(1)
      expect(output).toEndWith(`WRONG  the bytes ${sha256} are not what was stored, and were not copied\n`)
    })
  })
}

test.each([
  ['blobs copy disk', 2, '<to> is missing\n\nbun run hub blobs copy'],
  ['blobs copy disk tape', 2, 'There is no store tape: there are disk and s3\n\nbun run hub blobs copy'],
  ['blobs copy s3 s3', 2, '<from> and <to> are the same store'],
  ['blobs copy disk s3', 1, 'S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must name the bucket']
])('refuses %s', async (words, code, sentence) => {
  const answer = await operate(words, {})
  expect(answer.code).toBe(code)
  expect(answer.complaints).toStartWith(sentence)
})
