import type { Client } from 'aedes'
import type { Principal } from '../principals.ts'
import type { Wire } from '../wire.ts'
import type { Bucket } from './bucket.ts'

/** A packet whose fixed header has been read, or all of it. `size`: of that header; `length`: of what follows it. */
export type ParsedPacket = {
  cmd: string
  size: number
  length: number
  qos: number
  retain: boolean
  dup: boolean
  /** Of a PUBLISH: its payload as text; and as it came, where that is something else. */
  topic: string
  text: string
  payload?: Buffer
  messageId?: number
  clientId?: string
  protocolId?: string
  protocolVersion?: number
  bridgeMode?: boolean
  clean?: boolean
  keepalive?: number
  username?: string
  password?: Buffer
  will?: { topic: string; payload: Buffer; qos: number; retain: boolean }
  subscriptions?: { topic: string; qos: number }[]
  unsubscriptions?: string[]
}

/** What mqtt-packet 9 keeps while it reads the fields of a packet. The guards' tests fail where another version keeps it otherwise. */
export type FieldParser = {
  packet: ParsedPacket
  /** The bytes behind the fixed header, and how far into them its fields have been read. */
  _list: Buffer
  _pos: number
  error: Error | null
  /** Of the CONNECT that was read last. */
  settings: object
  _parsePayload(): boolean
}

/** What Aedes 1.2 keeps of a client beside its public type (lean.ts), and what the hub does. */
export type AedesClient = Omit<Client, 'conn'> & {
  conn: Wire
  connackSent: boolean
  will: ParsedPacket['will'] | null
  /** How many packets have been handed on and not dealt with. */
  _parsingBatch: number
  /** Called by Aedes when it has dealt with a packet. */
  _nextBatch(error?: Error | null): void
  _onError(error: Error): void
  subscriptions: Record<string, { qos: 0 | 1 | 2 }>
  _nextId: number
  /** It may be sent something. */
  isOpen: boolean
  bucket: Bucket
  /** The header of the packet that is arriving. */
  header: ParsedPacket | undefined
  /** For how long, in seconds, it may be silent; 0: for ever. */
  keepalive: number
  principal: Principal | undefined
}

/** A client with what is kept of it, and as others see it. */
export const insideOf = (client: Client) => client as unknown as AedesClient
export const outsideOf = (client: AedesClient) => client as unknown as Client
