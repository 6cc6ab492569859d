import { createDevice, type Device, type Registered } from './device.ts'
import { createDownload } from './download.ts'
import { createLane } from './lane.ts'
import { createRandom } from './random.ts'
import { createTally } from './tally.ts'
import type { Order, Setting, Word } from './world.ts'

const connectsAtOnce = 100
const heartbeatsAtOnce = 128
const newsEvery = 100
const flapEvery = 100

const tally = createTally()
let devices: Device[] = []
let late = 0

const orders = {
  prepare({ setting, devices: registered }: { setting: Setting; devices: Registered[] }) {
    const { http: address, range, loss, downloads: atOnce } = setting
    const download = createDownload({ address, range, loss, atOnce, tally })
    const world = { setting, tally, download, beats: createLane(heartbeatsAtOnce) }
    devices = registered.map((device) => createDevice(device, world))
  },

  connect() {
    const lane = createLane(connectsAtOnce)
    for (const device of devices) void lane.run(() => device.start())
  },

  /** Every second this share of the devices drops its connection. */
  flap({ share }: { share: number }) {
    const random = createRandom(devices.length)
    let due = 0
    setInterval(() => {
      due += (share * devices.length * flapEvery) / 1000
      for (; due >= 1; due -= 1) devices[Math.floor(random() * devices.length)]?.drop()
    }, flapEvery)
  },

  /** All are gone at once, as in a power cut, and come back at once; each asks by heartbeat as well. */
  storm() {
    for (const device of devices) device.drop(0)
    for (const device of devices) void device.beat()
  }
}

function tell(word: Word) {
  process.send?.(word)
}

/** How late a timer is tells how busy this process is, and what is not the hub's delay. */
function watchOwnDelay() {
  let last = performance.now()
  setInterval(() => {
    const at = performance.now()
    late = Math.max(late, at - last - 20)
    last = at
  }, 20)
}

process.on('message', (order: Order) => {
  const carryOut = orders[order.do] as (order: Order) => void
  carryOut(order)
})
process.on('disconnect', () => process.exit(0))
process.on('SIGINT', () => {}) // whoever started this ends it
watchOwnDelay()
setInterval(() => {
  tell(tally.news(late))
  late = 0
}, newsEvery)
tell('up')
