/** How much the broker takes from clients; past it they are refused or cut off. Times in ms, sizes in bytes. */
export const defaultMqttLimits = {
  /** The longest packet of a client that has not signed in, and of one that has. */
  packetBeforeSignIn: 2 * 1024,
  packet: 64 * 1024,
  /** How long a client may take for its CONNECT, and the hub to check it. */
  signInWithin: 10_000,
  /** How many may be there without having signed in; past it, who has taken longest goes. */
  unfinishedSignIns: 15_000,
  /** How many packets a client may send: in the long run, and at once after a quiet time. */
  packetsPerSecond: 200,
  packetsAtOnce: 400,
  /** How many filters a client may have subscribed to, and name in one packet. */
  filters: 100,
  /** How long a client may take nothing of what it is sent. */
  stalledFor: 30_000,
  /** How long connections may keep the process busy before others get their turn. */
  turn: 8
}

export type MqttLimits = typeof defaultMqttLimits
