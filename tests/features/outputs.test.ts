import { describe, expect, test } from 'bun:test'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { createDiskStore } from '../../src/blobs/disk.ts'
import { packed, putFolder } from '../../src/features/containers/archives.ts'
import { createEngine } from '../../src/features/containers/engine.ts'
import { EngineUnreachable, RunFailure } from '../../src/features/containers/failures.ts'
import { takeOutputs } from '../../src/features/containers/outputs.ts'
import { failureOf } from '../support/failure.ts'

const name = 'lamp.esp8266.image'

/** What an engine says of a folder with an image of 100,000 bytes in it. */
async function answer() {
  const archive = packed(async (tar) => {
    putFolder(tar, 'output')
    tar.entry({ name: `output/${name}` }, Buffer.alloc(100_000, 7))
  })
  const body = Buffer.concat(await Array.fromAsync(archive))
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/x-tar\r\ncontent-length: ${body.length}\r\n\r\n`),
    body
  ])
}

/** An engine that says so much of its answer, and then breaks off; with a folder to receive what it gives. */
async function breakingOff(after: number) {
  const said = (await answer()).subarray(0, after)
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.write(said, () => setTimeout(() => socket.destroy(), 50)))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const engine = createEngine({
    host: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hubId: 'a hub'
  })
  const folder = await mkdtemp('/tmp/updraft-outputs-')
  const store = createDiskStore(folder)
  await store.prepare()
  return {
    folder,
    async take(limit: number) {
      const wanted = {
        limitOf: () => limit,
        atMost: { files: 16, all: 1_000_000 }
      }
      return takeOutputs(await engine.files('one', '/task/output'), {
        blobs: { stage: store.stage } as never,
        ...wanted
      })
    },
    async [Symbol.asyncDispose]() {
      server.close()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

describe('what a container has left behind', () => {
  test('is taken when all of it has come', async () => {
    await using engine = await breakingOff(Number.MAX_SAFE_INTEGER)
    const [image, ...more] = await engine.take(100_000)
    expect([image?.name, image?.bytes.size, more]).toEqual([name, 100_000, []])
  })

  for (const [where, after] of [
    ['within a file', 50_000],
    ['before a file', 700]
  ] as const) {
    test(`is asked for again where the engine breaks off ${where}, and nothing is kept of it`, async () => {
      await using engine = await breakingOff(after)
      expect(await failureOf(engine.take(100_000))).toEqual(new EngineUnreachable('The container engine broke off'))
      expect(await readdir(join(engine.folder, 'incoming'))).toEqual([])
    })
  }

  test('is refused where it is too large, without another byte being read', async () => {
    await using engine = await breakingOff(2000)
    expect(await failureOf(engine.take(99_999))).toEqual(new RunFailure(`"${name}" has more than 99999 bytes`))
  })
})
