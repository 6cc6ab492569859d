import type { MqttLimits } from '../../src/mqtt/limits.ts'
import { bareClient, type ConnectOptions } from './bare.ts'
import { testDevice, testHub } from './hub.ts'
import { asDevice, asUser, logOf, packetClient } from './mqtt.ts'

/** A hub with the user `ada` and her device `lamp`, which runs `blinker`, and connections of theirs by bare packets. */
export async function stage(mqttLimits: Partial<MqttLimits> = {}) {
  const hub = await testHub({ mqttLimits })
  const ada = await hub.user('ada')
  const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
  return {
    hub,
    ada,
    lamp,
    who: asDevice(ada, lamp),
    topics: {
      log: 'ada/devices/lamp/log',
      status: 'ada/devices/lamp/status',
      deployment: 'ada/devices/lamp/deployment',
      relaunch: 'ada/devices/lamp/relaunch'
    },
    bare: () => bareClient(hub.ports.mqtt),
    device: (options: ConnectOptions = {}) => packetClient(hub, { ...asDevice(ada, lamp), ...options }),
    user: (options: ConnectOptions = {}) => packetClient(hub, { ...asUser(ada), ...options }),
    relaunch: () => ada.call('PUT /ada/devices/lamp/relaunch'),
    lines: () => logOf(ada, 'lamp'),
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]()
  }
}
