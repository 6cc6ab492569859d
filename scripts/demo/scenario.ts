import type { Board } from './board.ts'
import type { Firmware } from './firmware.ts'
import { app, type Fleet } from './fleet.ts'
import { ensure, type Journal } from './journal.ts'

export type Scene = { fleet: Fleet; journal: Journal }
type Running = Pick<Board, 'name' | 'running' | 'told'>

/** Three deployments to a fleet: to all, to a tag, and to all while one is away; with two relaunches in between. */
export async function play(scene: Scene, [first, second, third]: [Firmware, Firmware, Firmware]) {
  await switchOn(scene)
  const id = await deployToAll(scene, first)
  await deployToTag(scene, second, id)
  await relaunch(scene, id)
  await deployDuringAbsence(scene, third)
  await checkLogs(scene)
}

async function switchOn({ journal, fleet: { lamp, meter, door } }: Scene) {
  await journal.cause('The devices are switched on', async () => {
    meter.start()
    await Promise.all([lamp.connect(), door.connect()])
  })
  ensure((await meter.nextAnswer()) === 'X', 'without a deployment a heartbeat is to be answered X')
  journal.sure('no deployment yet: a heartbeat is answered X')
}

async function deployToAll({ journal, fleet }: Scene, firmware: Firmware) {
  const { user, lamp, meter, door } = fleet
  await journal.cause('POST /apps/blinker/deployments: version 1 to all', () => user.deploy(app, firmware))
  await allRun(journal, [lamp, meter, door], firmware)
  const id = lamp.running()?.id ?? 0
  await listed({ journal, fleet }, { lamp: id, meter: id, door: id })
  return id
}

async function deployToTag({ journal, fleet }: Scene, firmware: Firmware, before: number) {
  const { user, meter, door } = fleet
  await user.call(`POST /${user.team}/devices/door`, { tag: 'outside' })
  await journal.cause('POST /apps/blinker/deployments: version 2 to the tag "outside", which only the door has', () =>
    user.deploy(app, firmware, 'outside')
  )
  await allRun(journal, [door], firmware)
  const id = door.running()?.id ?? 0
  ensure(door.told().length === 2, 'the door was told of something twice')
  await listed({ journal, fleet }, { lamp: before, meter: before, door: id })
  ensure((await meter.nextAnswer()) === String(before), 'the meter has no tag and was told of a deployment that has one')
  journal.sure(`the next heartbeat of the meter is answered ${before}`)
}

async function relaunch({ journal, fleet: { user, lamp, meter } }: Scene, deploymentId: number) {
  await journal.cause(`PUT /${user.team}/devices/lamp/relauch`, () => user.call(`PUT /${user.team}/devices/lamp/relauch`))
  await journal.until('the lamp to be told to relaunch', () => lamp.relaunches() > 0)
  // What the hub tells a device comes in the order in which it happened: a notice of version 2 would have come before this.
  ensure(lamp.told().length === 1, 'the lamp has no tag and was told of a deployment that has one')
  journal.sure('the lamp was told of nothing in between')

  await journal.cause(`PUT /${user.team}/devices/meter/relauch`, () => user.call(`PUT /${user.team}/devices/meter/relauch`))
  await journal.until('the meter to be told to relaunch', () => meter.relaunches() > 0)
  ensure((await meter.nextAnswer()) === String(deploymentId), 'the meter was told to relaunch again')
  ensure(meter.relaunches() === 1, 'the meter was told to relaunch twice')
  journal.sure(`the heartbeats after it are answered ${deploymentId}: R was said once`)
}

async function deployDuringAbsence({ journal, fleet }: Scene, firmware: Firmware) {
  const { user, lamp, meter, door } = fleet
  const before = lamp.running()?.id ?? 0
  await lamp.disconnect()
  await gone(fleet)
  await journal.cause('The lamp is away. POST /apps/blinker/deployments: version 3 to all', () => user.deploy(app, firmware))
  await allRun(journal, [meter, door], firmware)
  ensure(lamp.running()?.id === before, 'the lamp was away and yet has something new')
  await journal.cause('The lamp connects again', () => lamp.connect())
  await allRun(journal, [lamp], firmware)
  ensure(lamp.told().at(-1)?.retained === true, 'the lamp was to find the deployment as retained')
  ensure(lamp.relaunches() === 1 && meter.relaunches() === 1, 'somebody was told to relaunch twice')
  const id = lamp.running()?.id ?? 0
  await listed({ journal, fleet }, { lamp: id, meter: id, door: id })
}

async function checkLogs({ journal, fleet: { user, lamp, meter, door } }: Scene) {
  for (const device of [lamp, meter, door]) {
    const log = await user.log(device.name)
    const expected = ['booted', ...device.told().map(({ id }) => `runs deployment ${id}`)]
    const lost = expected.filter((line) => !log.includes(line))
    ensure(lost.length === 0, `the log of the ${device.name} lacks: ${lost.join('; ')}`)
  }
  journal.sure('the hub has the log lines of every device')
}

/** Waits until each of the devices runs a firmware. */
export const allRun = (journal: Journal, devices: Running[], { version }: Firmware, atMost?: number) => {
  const names = devices.map(({ name }) => name).join(', ')
  const isSo = () => devices.every((device) => device.running()?.version === version)
  return journal.until(`${names} to run version ${version}`, isSo, atMost)
}

/** Makes sure what `GET /<team>/devices` says that each device should run, and that it says that they do. */
async function listed({ journal, fleet: { user } }: Scene, expected: Record<string, number>) {
  const devices = await user.devices()
  for (const [name, id] of Object.entries(expected)) {
    const device = devices.get(name)
    ensure(device?.deployment_id === id, `the ${name} should run ${device?.deployment_id} by the list, not ${id}`)
    ensure(device.status === 'running', `the ${name} runs, but is listed as ${device.status}`)
    // A heartbeat has no word for which deployment runs: only who speaks MQTT can be listed with one.
    ensure(device.running_id === null || device.running_id === id, `the ${name} runs ${id}, not ${device.running_id}`)
  }
  const words = Object.entries(expected).map(([name, id]) => `${name} ${id}`)
  journal.sure(`GET /${user.team}/devices gives as deployment_id: ${words.join(', ')}; all are running`)
}

/** Waits until the hub has noticed that the lamp is gone. */
async function gone({ user }: Fleet) {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await user.devices()).get('lamp')?.connected === false) return
    await Bun.sleep(20)
  }
  throw new Error('the lamp has left, but is listed as connected')
}
