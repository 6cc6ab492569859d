import { createHash, randomBytes } from 'node:crypto'
import { newId } from '../../../src/lib/secrets.ts'
import { mqttClient } from '../mqtt.ts'
import type { HubProcess } from '../process.ts'
import { recipe } from '../registry.ts'
import { linux, runningOf } from '../releases.ts'
import { type Cast, voted } from './cast.ts'
import { createLedger } from './ledger.ts'

const linesAtOnce = 20
const bytesAtMost = 300_000

export type Ledgers = ReturnType<typeof createLedgers>

/** All that is written under load, a ledger for each kind; what is written is found again by lines, digests, versions and ids. */
export const createLedgers = () => ({
  beats: createLedger(),
  words: createLedger(),
  entries: createLedger(),
  images: createLedger(),
  builds: createLedger(),
  votes: createLedger(),
  recipes: createLedger()
})

type Sent = { headers?: Record<string, string>; body?: RequestInit['body'] }
type Load = { hub: HubProcess; cast: Cast; ledgers: Ledgers; over: AbortSignal }

const someBytes = () => new Uint8Array(randomBytes(1 + Math.floor(Math.random() * bytesAtMost)))
const json = (body: object) => ({ body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
const octets = (bytes: Uint8Array<ArrayBuffer>) => ({ body: bytes, headers: { 'content-type': 'application/octet-stream' } })

let versions = 0
const newVersion = () => `1.0.${++versions}`

/** Puts a load of every kind on a hub until it is over; each client does one thing after the other. */
export async function load({ hub, cast, ledgers, over }: Load) {
  const { lamp, logged, programId, packageId } = cast

  /** Whether a request is answered with that status. */
  async function answered(status: number, route: string, { headers, body = null }: Sent = {}) {
    const init = { headers: { ...cast.headers, ...headers }, body, signal: over }
    return (await hub.call(route, init)).status === status
  }

  async function beat() {
    const line = `beat ${newId()}`
    await ledgers.beats.entrust([line], () => answered(200, `PUT /devices/${lamp.secret}/heartbeat?status=ready`, { body: line }))
  }

  async function log() {
    const ids = Array.from({ length: linesAtOnce }, newId)
    const body = ids.map((id) => `${JSON.stringify({ log_type: 'crash', payload: { id } })}\n`).join('')
    const headers = { 'x-api-key': logged.apiKey, 'content-type': 'application/x-ndjson' }
    await ledgers.entries.entrust(ids, () => answered(201, 'POST /api/v1/logs', { body, headers }))
  }

  async function deploy() {
    const bytes = someBytes()
    const digest = createHash('sha256').update(bytes).digest('hex')
    const route = 'POST /apps/blinker/deployments?board=esp8266'
    await ledgers.images.entrust([digest], () => answered(200, route, octets(bytes)))
  }

  async function publish() {
    const version = newVersion()
    const route = `POST /applications/${programId}/builds?version=${version}&architecture=${linux}`
    await ledgers.builds.entrust([version], () => answered(201, route, octets(someBytes())))
  }

  async function vote() {
    const clientId = newId()
    const running = runningOf(programId, { version: voted, clientId })
    await ledgers.votes.entrust([clientId], () => answered(200, 'POST /builds/success', json(running)))
  }

  async function publishRecipe() {
    const version = newVersion()
    const route = `POST /v1/packages/${packageId}/recipes`
    await ledgers.recipes.entrust([version], () => answered(201, route, json(recipe(version))))
  }

  async function publishArchive() {
    const version = newVersion()
    await ledgers.recipes.entrust([version], async () => {
      const { headers, body } = json(recipe(version, { arUpload: true }))
      const init = { body, headers: { ...headers, ...cast.headers }, signal: over }
      const { id, arUploadToken } = (await hub.call(`POST /v1/packages/${packageId}/recipes`, init)).body as Record<
        string,
        string
      >
      const authorization = { authorization: `Bearer ${arUploadToken}` }
      const upload = await hub.call(`PUT /v1/archives/${id}`, { body: someBytes(), headers: authorization, signal: over })
      return upload.status === 201
    })
  }

  const things = [beat, beat, log, log, deploy, publish, vote, publishRecipe, publishArchive]
  await Promise.all([speak({ hub, cast, ledgers, over }), ...things.map((thing) => again(thing, over))])
}

async function again(thing: () => Promise<void>, over: AbortSignal) {
  while (!over.aborted) await thing()
}

/** A device that says one line after the other over MQTT. */
async function speak({ hub, cast, ledgers, over }: Load) {
  const credentials = { username: `admin/${cast.fan.name}`, password: cast.fan.secret }
  const device = await mqttClient(`mqtt://127.0.0.1:${hub.mqttPort}`, credentials).catch(() => undefined)
  if (!device) return
  while (!over.aborted) {
    const line = `word ${newId()}`
    const gone = device.closed.then(() => false)
    const said = device.publish(`admin/devices/${cast.fan.name}/log`, line).then(() => true)
    said.catch(() => {})
    await ledgers.words.entrust([line], () => Promise.race([said, gone]))
  }
  await device[Symbol.asyncDispose]()
}
