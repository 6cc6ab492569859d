import { describe, expect, test } from 'bun:test'
import { emptyPlace, operate, operateAtTerminal } from '../support/command.ts'
import { databaseName } from '../support/databases.ts'
import { password } from '../support/hub.ts'
import { asUser, packetClient, within } from '../support/mqtt.ts'
import { type HubProcess, hubHome } from '../support/process.ts'

const other = 'another password of mine'

async function signIn(hub: HubProcess, email: string, word: string) {
  const { status, body } = await hub.call('POST /login', { body: JSON.stringify({ email, password: word }) })
  return { status, token: (body as { access_token?: string }).access_token ?? '' }
}

const usersSeenBy = async (hub: HubProcess, token: string) =>
  (await hub.call('GET /api/v1/users', { headers: { access_token: token } })).status

describe(`admin on ${databaseName}, beside a running hub`, () => {
  test('makes an account, gives it another password and other roles, all of which count at once', async () => {
    await using home = await hubHome()
    const hub = await home.start()
    const made = await operate('admin create eve@example.org --role auditor --password-stdin', home.env, `${password}\n`)
    expect(made).toEqual({ code: 0, output: 'eve <eve@example.org> is there, as AUDITOR.\n', complaints: '' })
    const { token } = await signIn(hub, 'eve@example.org', password)
    expect(await usersSeenBy(hub, token)).toBe(403)
    const promoted = await operate('admin role EVE@example.org super_admin', home.env)
    expect(promoted).toEqual({ code: 0, output: 'eve <eve@example.org> is SUPER_ADMIN.\n', complaints: '' })
    expect(await usersSeenBy(hub, token)).toBe(200)
    await operate('admin role eve@example.org user', home.env)
    expect(await usersSeenBy(hub, token)).toBe(403)
    const set = await operate('admin password eve@example.org --password-stdin', home.env, other)
    expect(set).toEqual({ code: 0, output: 'eve has a new password.\n', complaints: '' })
    expect((await signIn(hub, 'eve@example.org', password)).status).toBe(401)
    expect((await signIn(hub, 'eve@example.org', other)).status).toBe(200)
  })

  test('a new password ends what was given out by the old one, and no CLI key', async () => {
    await using home = await hubHome()
    const hub = await home.start()
    await operate('admin create eve@example.org --role user --password-stdin', home.env, password)
    const { token } = await signIn(hub, 'eve@example.org', password)
    const me = await hub.call('GET /me', { headers: { access_token: token } })
    const { id } = me.body as { id: string }
    const body = JSON.stringify({ name: 'laptop' })
    const made = await hub.call(`POST /v1/users/${id}/cli-keys`, { headers: { access_token: token }, body })
    const { key } = made.body as { key: string }
    const events = await fetch(`${hub.base}/events?after=0`, { headers: { access_token: token } })
    const ports = { mqtt: hub.mqttPort }
    await using byToken = await packetClient({ ports }, asUser({ token }))
    await using byKey = await packetClient({ ports }, asUser({ token: key }))
    await operate('admin password eve@example.org --password-stdin', home.env, other)
    const statusBy = async (by: string) => (await hub.call('GET /me', { headers: { access_token: by } })).status
    expect(await events.text()).toContain('cli_key.created') // it has ended
    await within(byToken.closed, 'the connection by the token to end')
    byKey.send({ cmd: 'pingreq' })
    expect(await byKey.next()).toMatchObject({ cmd: 'pingresp' })
    expect([await statusBy(token), await statusBy(key)]).toEqual([401, 200])
    expect(await statusBy((await signIn(hub, 'eve@example.org', other)).token)).toBe(200)
  })

  test('is told by the events of the hub', async () => {
    await using home = await hubHome()
    const hub = await home.start()
    const { token } = await signIn(hub, 'root@example.org', password)
    const events = await fetch(`${hub.base}/events?after=0`, { headers: { access_token: token } })
    await operate('admin create eve@example.org --username evelyn --password-stdin', home.env, password)
    let text = ''
    for await (const chunk of events.body ?? []) {
      text += new TextDecoder().decode(chunk)
      if (text.includes('evelyn')) break
    }
    expect(text).toContain('event: account.created')
  })
})

describe(`admin on ${databaseName}`, () => {
  test.each([
    ['admin create nobody', 2, 'nobody is no email\n\nbun run hub admin create <email>'],
    ['admin create eve@example.org --role queen', 2, 'There is no role queen: there are user, auditor, super_admin'],
    ['admin create eve@example.org --username 7th', 2, 'A username begins with a letter'],
    ['admin create eve@example.org --password secret', 2, "Unknown option '--password'"],
    ['admin create eve@example.org secret', 2, 'secret is one word too many'],
    ['admin create', 2, '<email> is missing'],
    ['admin role eve@example.org', 2, '<role> is missing'],
    ['admin delete', 2, 'There is no command admin delete\n\nbun run hub admin <command>'],
    ['admin create eve@example.org', 1, 'There is no terminal to ask at'],
    ['admin create eve@example.org --password-stdin', 1, 'Password must have between 8 and 1024 characters']
  ])('refuses %s', async (words, code, sentence) => {
    const answer = await operate(words, {}, 'short')
    expect({ code: answer.code, output: answer.output }).toEqual({ code, output: '' })
    expect(answer.complaints).toStartWith(sentence)
  })

  test('asks for the password at a terminal, twice, and shows nothing of it', async () => {
    await using place = await emptyPlace()
    await operate('migrate', place.env)
    const { code, shown } = await operateAtTerminal('admin create eve@example.org', place.env, [
      ['Password: ', `${password}x\u007f\r`],
      ['Once more: ', `${password}\r`]
    ])
    expect({ code, shown }).toEqual({
      code: 0,
      shown: 'Password: \nOnce more: \neve <eve@example.org> is there, as SUPER_ADMIN.\n'
    })
    const differing = await operateAtTerminal('admin password eve@example.org', place.env, [
      ['Password: ', `${password}\r`],
      ['Once more: ', `${other}\r`]
    ])
    expect({ code: differing.code, last: differing.shown.split('\n').at(-2) }).toEqual({
      code: 1,
      last: 'The two are not the same'
    })
  })

  test('refuses what is taken, and to leave the hub without a super_admin', async () => {
    await using place = await emptyPlace()
    await operate('migrate', place.env)
    await operate('admin create eve@example.org --username eve --password-stdin', place.env, password)
    for (const words of ['admin password eva@example.org --password-stdin', 'admin role eva@example.org user'])
      expect(await operate(words, place.env, password)).toMatchObject({
        code: 1,
        complaints: 'There is no account with the email eva@example.org\n'
      })
    const again = await operate('admin create eve@example.org --password-stdin', place.env, password)
    expect(again).toMatchObject({ code: 1, complaints: 'This email has already been registered: email is already taken\n' })
    const named = await operate('admin create eva@example.org --username Eve --password-stdin', place.env, password)
    expect(named).toMatchObject({ code: 1, complaints: 'Account already exists: name is already taken\n' })
    const last = await operate('admin role eve@example.org user', place.env)
    expect(last).toMatchObject({ code: 1, complaints: 'The hub must keep a SUPER_ADMIN\n' })
  })

  test('says that there is no database, and makes none', async () => {
    await using place = await emptyPlace()
    const { code, complaints } = await operate('admin role eve@example.org user', place.env)
    expect(code).toBe(1)
    expect(complaints).toMatch(/^There is no database in .*: is DATA_DIR the hub's\?|older Updraft: stop the hub/)
  })
})
