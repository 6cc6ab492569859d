import type { Client } from 'aedes'

/** A packet whose fixed header has been read, or all of it. `length`: of what follows that header. */
export type ParsedPacket = {
  cmd: string
  length: number
  qos: number
  retain: boolean
  dup: boolean
  messageId?: number
  topic?: string
  clientId?: string
  protocolId?: string
  protocolVersion?: number
  bridgeMode?: boolean
  username?: string
  password?: Buffer
  will?: { topic: string; qos: number; retain: boolean }
  subscriptions?: { topic: string; qos: number }[]
  unsubscriptions?: string[]
}

/** What mqtt-packet 9 keeps of a stream that it parses. */
export type Parser = {
  packet: ParsedPacket
  _list: { length: number; _bufs: Buffer[]; slice(): Buffer; append(bytes: Buffer): void; consume(count: number): void }
  /** How far into the packet its fields have been read. */
  _pos: number
  parse(bytes: Buffer): number
  /** Reads the length of the packet at hand; gives false while that is not all there. */
  _parseLength(): boolean
  /** Hands a parsed packet on. */
  _newPacket(): boolean
  _emitError(error: Error): void
}

/** What Aedes 1.2 keeps of a client beside its public type. The guards' tests fail where another version keeps it otherwise. */
export type AedesClient = Client & {
  conn: Client['conn'] & { client?: AedesClient }
  _parser: Parser
  /** How many packets have been parsed and not dealt with. */
  _parsingBatch: number
  _paused?: boolean
  /** Called by Aedes when it has dealt with a packet. */
  _nextBatch(error?: Error | null): void
  resume(): void
  subscriptions: Record<string, { qos: 0 | 1 | 2 }>
  _nextId: number
}
