import { expect, test } from 'bun:test'
import { testDevice, testHub } from '../../support/hub.ts'
import { asDevice, asUser, packetClient, within } from '../../support/mqtt.ts'

const limits = { mqttLimits: { filters: 3 } }
const topic = (n: number) => `ada/devices/lamp-${n}/log`

test('a client has so many filters and no more: the others are answered 0x80', async () => {
  await using hub = await testHub(limits)
  const ada = await hub.user('ada')
  await using user = await packetClient(hub, asUser(ada))
  const granted = async (messageId: number, topics: string[]) => {
    user.subscribe(messageId, topics)
    const suback = await user.next()
    return suback.cmd === 'suback' ? suback.granted : suback.cmd
  }
  expect(await granted(1, [topic(1), topic(2)])).toEqual([1, 1])
  expect(await granted(2, [topic(3), topic(4)])).toEqual([1, 128])
  expect(await granted(3, [topic(1), topic(5)])).toEqual([1, 128]) // one that it has is no new one
  user.send({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: [topic(1)] })
  expect(await user.next()).toMatchObject({ cmd: 'unsuback' })
  expect(await granted(5, [topic(5)])).toEqual([1])
})

test('filters sent all at once are counted too, and a session keeps only what was granted', async () => {
  await using hub = await testHub(limits)
  const ada = await hub.user('ada')
  const lamp = await testDevice(ada, 'lamp-5')
  const options = { ...asUser(ada), clientId: 'reader', clean: false }
  {
    await using user = await packetClient(hub, options)
    for (let n = 0; n < 3; n++) user.subscribe(n + 1, [topic(n * 2), topic(n * 2 + 1)])
    const answers = new Map<number | undefined, unknown>()
    for (let n = 0; n < 3; n++) {
      const suback = await user.next()
      answers.set(suback.messageId, suback.cmd === 'suback' && suback.granted)
    }
    expect([1, 2, 3].map((id) => answers.get(id))).toEqual([
      [1, 1],
      [1, 128],
      [128, 128]
    ])
  }
  await using user = await packetClient(hub, options)
  expect(user.connack).toMatchObject({ sessionPresent: true })
  await using device = await packetClient(hub, asDevice(ada, lamp))
  device.publish(1, topic(5), 'not for the reader')
  await device.next()
  user.send({ cmd: 'pingreq' })
  expect(await user.next()).toMatchObject({ cmd: 'pingresp' })
})

test('a packet with more filters than anybody may have ends the connection', async () => {
  await using hub = await testHub(limits)
  const ada = await hub.user('ada')
  const four = [1, 2, 3, 4].map(topic)
  await using subscribing = await packetClient(hub, asUser(ada))
  subscribing.subscribe(1, four)
  await within(subscribing.closed, 'the end of who subscribed')
  await using unsubscribing = await packetClient(hub, asUser(ada))
  unsubscribing.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: four })
  await within(unsubscribing.closed, 'the end of who unsubscribed')
})
