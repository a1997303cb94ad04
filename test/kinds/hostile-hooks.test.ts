/**
 * Every hook of a module: a return value of the wrong type never reaches a token, an error and a hook that hangs end the
 * request, and the log names the hook, the member and the request.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { userStoreMembers } from '../../packages/server/src/configuration/schema/user-store.ts'
import { createBrowser } from '../support/browser.ts'
import { hookKeys } from '../support/hook-keys.ts'
import { hostileTexts, variants } from '../support/hostile.ts'
import { authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { claimsOf, createTestServer, masterKey, type TestServer } from '../support/tessera.ts'
import { unreadableThrown } from '../support/thrown.ts'
import { federatedWorld, foreignProvider, signInByProvider, startFederated } from '../support/upstream.ts'
import { secret, world } from '../support/world.ts'
import { assertCovers } from './coverage.ts'

type Outcome = { readonly server: TestServer; readonly status: number; readonly json?: any }
type Driven = {
  readonly server: TestServer
  readonly ask: () => Promise<Omit<Outcome, 'server'>>
  readonly keepsTime?: boolean
}
type Row = {
  /** The hook's name in the log. Default: the name of the row. */
  readonly hook?: string
  /** Returns a valid value, with all optional members. */
  readonly right: unknown
  /** A server with this hook, and a function that makes it call the hook. */
  readonly open: (hook: (...given: readonly unknown[]) => unknown) => Promise<Driven>
  /** Values of these kinds are valid: nothing of them is in a token. */
  readonly takes?: (value: unknown) => boolean
}

/** Short, so that a hook that hangs ends soon. */
const hook_timeout = 1

const openPassword = async (more: object, form: object = {}): Promise<Driven> => {
  const server = await createTestServer({ ...world, hook_timeout, ...more })
  const scope = 'openid profile roles api1'
  const whole = { grant_type: 'password', username: 'bob', password: 'bob', scope, ...form }
  return { server, ask: () => server.token(whole, { client: ['roclient', secret] }) }
}

const openPages = async (more: object): Promise<Driven> => {
  const server = await createTestServer({ ...pagesWorld, hook_timeout, ...more })
  return { server, ask: () => signIn(createBrowser(server), authorizePath()) }
}

/** Makes the row's hook return one value after another. */
async function driver({ open }: Row): Promise<(returned: () => unknown) => Promise<Outcome>> {
  let returns: () => unknown = () => undefined
  const { server, ask, keepsTime = false } = await open(() => returns())
  return async next => {
    returns = next
    server.logged.length = 0
    // So that no limit of guesses ends the row early. The mock provider uses the machine's clock.
    if (!keepsTime) server.clock.advance(3600)
    return { server, ...(await ask()) }
  }
}

const user = {
  ok: true,
  sub: '88421113',
  amr: ['pwd'],
  claims: { role: ['admin'] },
  members: { greeting: 'hello' },
}
const provider = foreignProvider()

const storeUser = {
  sub: 'pat-1',
  username: 'pat',
  active: true,
  claims: { email: 'pat@example.com', email_verified: true, role: ['admin'] },
  password_argon2id:
    '$argon2id$v=19$m=19456,t=2,p=1$QFI2kcsSJ4QRUh8JP0ZtnA$WAy+6NJZ0i//16L8XhMukyb2t62Yk2arhcZ5yQ5kmNI',
}
const storeOf = (member: string, hook: (...given: readonly unknown[]) => unknown) => ({
  userStore: {
    findBySub: ({ sub }: { readonly sub: string }) => (sub === 'pat-1' ? storeUser : null),
    findByUsername: ({ username }: { readonly username: string }) => (username === 'pat' ? storeUser : null),
    checkPassword: () => true,
    [member]: hook,
  },
})
const openStore =
  (member: string, username = 'pat'): Row['open'] =>
  hook =>
    openPassword(storeOf(member, hook), { username })

/** A page whose form calls a member of the store, opened again each time. */
const openForm =
  (member: string, path: string, fields: Readonly<Record<string, string>>): Row['open'] =>
  async hook => {
    const accounts = { sign_up: true, email_verification: 'off' }
    const server = await createTestServer({ ...pagesWorld, hook_timeout, accounts, ...storeOf(member, hook) })
    const signsIn = { username: 'pat', password: 'x', button: 'login' }
    return {
      server,
      async ask() {
        const browser = createBrowser(server)
        const page = await (path === '/register' ? browser.visit(path) : signIn(browser, path, signsIn))
        return browser.submit(page, fields)
      },
    }
  }
const newPassword = { new_password: 'eleven green bottles' }
const nobody = (value: unknown): boolean => value === null || value === undefined

const rows: Readonly<
  Record<
    string,
    Row | 'tested below, since no request calls it' | 'prevents no sign-in: imported-passwords.test.ts'
  >
> = {
  'validators.password': {
    hook: 'validators.password.check',
    right: user,
    open: check => openPassword({ validators: { password: { check } } }, { username: 'rob' }),
  },
  'identity_providers.credentialAuthority': {
    hook: 'identity_providers.staff.credentialAuthority.check',
    right: user,
    open: check =>
      openPassword(
        { identity_providers: [{ name: 'staff', credentialAuthority: { check } }] },
        { acr_values: 'idp:staff' },
      ),
  },
  'userStore.findBySub': { right: storeUser, open: openStore('findBySub'), takes: nobody },
  'userStore.findByUsername': { right: storeUser, open: openStore('findByUsername'), takes: nobody },
  'userStore.findByEmail': {
    right: storeUser,
    open: openStore('findByEmail', 'pat@example.com'),
    takes: nobody,
  },
  'userStore.checkPassword': { right: true, open: openStore('checkPassword') },
  'userStore.setPassword': {
    right: true,
    open: openForm('setPassword', '/account/password', { password: 'x', ...newPassword }),
  },
  'userStore.upgradePassword': 'prevents no sign-in: imported-passwords.test.ts',
  'userStore.create': {
    right: true,
    open: openForm('create', '/register', { username: 'kim', ...newPassword }),
  },
  'validators.tokenRequest': {
    right: { ok: true, members: { greeting: ['hello'] } },
    open: tokenRequest => openPassword({ validators: { tokenRequest } }),
  },
  'profile.claims': {
    right: { role: ['admin'], name: 'Bob', address: { locality: 'x' } },
    open: claims => openPassword({ profile: { claims } }),
  },
  'profile.isActive': { right: true, open: isActive => openPassword({ profile: { isActive } }) },
  consentPolicy: { right: false, open: consentPolicy => openPages({ consentPolicy }) },
  previousRefreshToken: {
    right: { sub: '1', client_id: 'app', scope: ['api1'], expires_at: 1_800_000_000, amr: ['pwd'] },
    async open(previousRefreshToken) {
      const app = { client_id: 'app', client_secrets: [{ value: secret }], grant_types: ['refresh_token'] }
      const server = await createTestServer({
        hook_timeout,
        previousRefreshToken,
        users: [{ sub: '1', username: 'bob', password: 'builder' }],
        api_scopes: [{ name: 'api1' }],
        clients: [{ ...app, scope: 'api1 offline_access' }],
      })
      const form = { grant_type: 'refresh_token', refresh_token: 'old' }
      return { server, ask: () => server.token(form, { client: ['app', secret] }) }
    },
    takes: nobody,
  },
  mfaPolicy: {
    right: { mode: 'if_enrolled', methods: ['totp'], remember_browser_days: 1, password_grant: 'allow' },
    open: mfaPolicy => openPages({ mfaPolicy }),
    // An object without any of the members changes nothing.
    takes: value => typeof value === 'object' || value === undefined,
  },
  'federation.subject': {
    right: '1',
    async open(subject) {
      const { server } = await startFederated({
        ...federatedWorld(provider),
        hook_timeout,
        federation: { subject },
      })
      const target = authorizePath({ acr_values: 'idp:corp' })
      return { server, keepsTime: true, ask: () => signInByProvider(createBrowser(server), target) }
    },
    takes: value => typeof value === 'string' || value === null || value === undefined,
  },
  'grants.decide': {
    right: {
      ok: true,
      subject: { sub: '88421113', idp: 'x', amr: ['x'], acr: '1', auth_time: 1, claims: { role: 'x' } },
      scope: ['api1'],
      audience: ['urn:api'],
      lifetime: 60,
      access_token_type: 'jwt',
      claims: { act: { sub: 'x' } },
      client_claims: [{ type: 'tier', value: 'gold' }],
      client_id: 'custom',
      uses: { id: 'x', expires_at: 1_790_000_060 },
      members: { greeting: 'hello' },
    },
    async open(decide) {
      const custom = {
        client_id: 'custom',
        client_secrets: [{ value: secret }],
        grant_types: ['custom'],
        scope: 'api1',
      }
      const server = await createTestServer({
        ...world,
        hook_timeout,
        grants: [{ grantType: 'custom', parameters: {}, decide }],
        clients: [...world.clients, custom],
      })
      return { server, ask: () => server.token({ grant_type: 'custom' }, { client: ['custom', secret] }) }
    },
  },
  storagePassword: 'tested below, since no request calls it',
  masterKey: 'tested below, since no request calls it',
  masterKeyPrevious: 'tested below, since no request calls it',
}

/** Not JSON, and not what any hook returns. */
const cycle: unknown[] = []
cycle.push(cycle)
/** A few objects that unfold into 2^50 values. */
const graph = Array.from({ length: 50 }).reduce<unknown>(inner => ({ one: inner, other: inner }), 'x')
const strange: readonly (readonly [what: string, value: unknown])[] = [
  ['undefined', undefined],
  ['a symbol', Symbol('x')],
  ['a bigint', 10n],
  ['a function', () => true],
  ['a date', new Date(0)],
  ['a map', new Map([['ok', true]])],
  ['no number', Number.NaN],
  ['a cycle', cycle],
  ['a list without end', new Array(2 ** 32 - 1)],
  ['a rejected value', new Boolean(true)],
]

/** Every claim that others rely on has the right type, whatever the hook returns. */
function assertSound({ server, status, json }: Outcome, what: string): void {
  const failed = server.logged.find(({ event }) => event === 'request_failed')
  assert.equal(failed, undefined, `${what}: ${JSON.stringify(failed)}`)
  if (json?.access_token === undefined) return
  assert.equal(status, 200, what)
  for (const token of [json.access_token, json.id_token]) {
    if (token === undefined) continue
    const { sub, amr, iss, client_id, exp, scope } = claimsOf(token)
    for (const text of [sub, iss, client_id ?? '', scope ?? '']) assert.equal(typeof text, 'string', what)
    assert.ok(Number.isInteger(exp), what)
    assert.ok(amr === undefined || amr.every((one: unknown) => typeof one === 'string'), what)
  }
}

for (const [name, row] of Object.entries(rows)) {
  if (typeof row === 'string') continue
  const { right, takes = () => false } = row

  test(`hooks: a valid return value of ${name} is accepted`, async () => {
    const outcome = await (await driver(row))(() => right)
    assert.ok(outcome.status < 400, `${outcome.status} ${outcome.server.reason()}`)
    assertSound(outcome, 'right')
  })

  test(`hooks: no return value of ${name} breaks a request or a token`, async () => {
    const stride = typeof right === 'object' ? 3 : 1
    const drive = await driver(row)
    for (const { what, value } of variants(right, stride))
      assertSound(await drive(() => value), `${name} ${what}`)
  })

  test(`hooks: a value of another type from ${name} is refused as such, promise or not`, async () => {
    const others = hostileTexts
      .map(text => [text, JSON.parse(text)] as const)
      .filter(([, value]) => !Object.is(typeof value, typeof right))
    const objects =
      typeof right === 'object' ? [...strange] : strange.filter(([, value]) => typeof value !== typeof right)
    const ofOtherType = [...objects, ...others].filter(([, value]) => !takes(value))
    const drive = await driver(row)
    for (const [index, [what, value]] of ofOtherType.entries()) {
      const { server, status, json } = await drive(index % 2 ? () => value : async () => value)
      assert.ok(status >= 400, `${name} ${what}: ${status}`)
      assert.equal(json?.access_token, undefined, what)
      assert.equal(server.reason(), 'hook_result_invalid', `${name} ${what}`)
      assert.equal(
        server.logged.find(({ event }) => event === 'request_failed'),
        undefined,
        what,
      )
    }
  })
}

for (const [name, member] of [
  ['profile.claims', (value: unknown) => ({ role: value })],
  ['validators.tokenRequest', (value: unknown) => ({ ok: true, members: { greeting: value } })],
] as const)
  test(`hooks: a graph of objects from ${name} that unfolds without end is refused, as is an endless list`, async () => {
    const drive = await driver(rows[name] as Row)
    for (const value of [graph, [cycle, cycle], new Array(2 ** 32 - 1)]) {
      const outcome = await drive(() => member(value))
      assert.ok(outcome.status >= 400)
      assertNamed(outcome, name, 'hook_result_invalid')
    }
  })

/** Checks the log line about a hook that threw, hung or returned a wrong value. */
function assertNamed({ server }: Outcome, name: string, reason: string): void {
  const row = rows[name]
  const line = server.logged.findLast(line => line.event === 'refused' && line.hook !== undefined)
  assert.equal(line?.hook, (typeof row === 'object' ? row.hook : undefined) ?? name)
  assert.equal(line?.reason, reason)
  assert.match(String(line?.request_id), /^test-\d+$/)
  assert.equal(
    server.logged.find(({ event }) => event === 'request_failed'),
    undefined,
  )
}

for (const [name, row] of Object.entries(rows)) {
  if (typeof row === 'string') continue

  test(`hooks: an error of ${name} ends the request, and the log names the hook and the request`, async () => {
    const drive = await driver(row)
    for (const fail of [
      () => {
        throw new Error('the table is locked')
      },
      async () => Promise.reject('the table is locked'),
    ]) {
      const outcome = await drive(fail)
      const isGrant = name === 'grants.decide'
      assert.equal(outcome.status, isGrant ? 400 : 503)
      assert.equal(outcome.json?.access_token, undefined)
      assertNamed(outcome, name, isGrant ? 'extension_grant_threw' : 'hook_failed')
      const line = outcome.server.logged.findLast(({ problem }) => problem !== undefined)
      assert.match(String(line?.problem), /the table is locked/)
    }
  })
}

for (const [name, row] of Object.entries(rows)) {
  if (typeof row === 'string') continue

  test(`hooks: any value that ${name} throws ends the request, and the log names the hook`, async () => {
    const drive = await driver(row)
    for (const [index, thrown] of unreadableThrown.entries()) {
      const outcome = await drive(() => {
        throw thrown
      })
      const isGrant = name === 'grants.decide'
      assert.equal(outcome.status, isGrant ? 400 : 503, `${index}`)
      assertNamed(outcome, name, isGrant ? 'extension_grant_threw' : 'hook_failed')
    }
  })
}

test('hooks: a hook that never returns ends the request with 503 after hook_timeout, and its signal is aborted', async () => {
  const names = Object.keys(rows).filter(name => typeof rows[name] === 'object')
  assert.ok(names.length >= 9)
  await Promise.all(
    names.map(async name => {
      let signal: AbortSignal | undefined
      const { server, ask } = await (rows[name] as Row).open((...given) => {
        signal = (given.at(-1) as { readonly signal: AbortSignal }).signal
        return new Promise(() => {})
      })
      const { status, json } = await ask()
      assert.equal(status, 503, name)
      assert.equal(json?.access_token, undefined)
      assert.equal(signal?.aborted, true, name)
      assertNamed({ server, status, json }, name, 'hook_timed_out')
    }),
  )
})

test('hooks: storagePassword must return a string in time', async () => {
  const passwordBy = (storagePassword: unknown) => {
    const outcome = parseConfiguration(
      { issuer: 'https://id.example', storage: 'postgres://db.example/x', hook_timeout, storagePassword },
      { isModule: true, environment: { TESSERA_MASTER_KEY: masterKey } },
    )
    assert.ok(outcome.ok, JSON.stringify(outcome))
    const { storage } = outcome.configuration
    assert.ok(storage.kind === 'postgres' && storage.password)
    return storage.password()
  }
  assert.equal(await passwordBy(async () => 'token'), 'token')
  await assert.rejects(
    passwordBy(() => 5),
    { reason: 'hook_result_invalid', message: /^storagePassword is a number/ },
  )
  await assert.rejects(
    passwordBy(() => Promise.reject(new Error('x'))),
    { reason: 'hook_failed' },
  )
  await assert.rejects(
    passwordBy(() => new Promise(() => {})),
    { reason: 'hook_timed_out' },
  )
})

test('hooks: a key service must return bytes of the right length in time', async () => {
  const serviceWith = (returned: unknown) => {
    const service = { id: 'x', wrap: () => returned, unwrap: () => returned }
    const outcome = parseConfiguration(
      { storage: 'memory:', hook_timeout, masterKey: service, masterKeyPrevious: { ...service, id: 'y' } },
      { isModule: true },
    )
    assert.ok(outcome.ok, JSON.stringify(outcome))
    return [outcome.configuration.masterKey, outcome.configuration.previousMasterKey].map(key => {
      assert.ok(key?.kind === 'service')
      return key.service
    })
  }
  const context = {}
  for (const [what, value] of strange)
    for (const { wrap, unwrap } of serviceWith(value))
      for (const call of [
        wrap({ key: new Uint8Array(32), context }),
        unwrap({ wrapped: new Uint8Array(1), context }),
      ])
        await assert.rejects(call, { reason: 'hook_result_invalid' }, what)
  const [current] = serviceWith(new Promise(() => {}))
  const late = current!.unwrap({ wrapped: new Uint8Array(1), context })
  await assert.rejects(late, { hook: 'masterKey.unwrap', reason: 'hook_timed_out' })
})

const described = (value: unknown): string =>
  JSON.stringify(value, (_, one) =>
    ['string', 'boolean', 'object', 'number'].includes(typeof one) ? one : typeof one,
  )

for (const [name, wrong] of [
  ['validators.password', { ...user, sub: 5 }],
  ['validators.password', { ...user, sub: '' }],
  ['validators.password', { ...user, sub: '\ud800' }],
  ['validators.password', { ...user, amr: 'pwd' }],
  ['validators.password', { ...user, claims: { role: 10n } }],
  ['validators.password', true],
  ['userStore.findBySub', { ...storeUser, sub: 'pat-2' }],
  ['userStore.findBySub', { ...storeUser, sub: 5 }],
  ['userStore.findByUsername', { ...storeUser, active: 1 }],
  ['userStore.findByUsername', { ...storeUser, password_argon2id: '$2b$10$bcrypt' }],
  ['userStore.findByUsername', { ...storeUser, password_hash: '$2b$10$bcrypt' }],
  ['userStore.findByUsername', { ...storeUser, password_hash: storeUser.password_argon2id }],
  ['userStore.findByUsername', { ...storeUser, claims: 'none' }],
  ['userStore.findByEmail', [storeUser]],
  ['userStore.checkPassword', undefined],
  ['userStore.setPassword', { changes: 1 }],
  ['userStore.create', undefined],
  ['identity_providers.credentialAuthority', { ...user, sub: ['88421113'] }],
  ['profile.claims', { role: Number.NaN }],
  ['profile.claims', { role: new Date(0) }],
  ['profile.isActive', 'false'],
  ['profile.isActive', undefined],
  ['validators.tokenRequest', { ok: 'yes' }],
  ['grants.decide', { ok: true, subject: { sub: 5 } }],
  ['grants.decide', { ok: true, subject: { sub: 'x', amr: [5] } }],
  ['grants.decide', { ok: true, claims: { act: () => {} } }],
  ['grants.decide', { ok: true, subject: { sub: '88421113', auth_time: 1_790_000_000.5 } }],
  ['grants.decide', { ok: true, uses: { id: 'x', expires_at: 1_790_000_060_000 } }],
  ['grants.decide', undefined],
  ['mfaPolicy', { mode: 'always' }],
  ['mfaPolicy', { methods: 'totp' }],
  ['consentPolicy', 'no'],
  ['previousRefreshToken', { sub: '1', client_id: 'app', scope: 'api1', expires_at: 1_790_000_060 }],
  ['previousRefreshToken', { sub: '1', client_id: 'app', scope: [], expires_at: 1_790_000_060_000 }],
  ['federation.subject', { sub: '1' }],
] as const)
  test(`hooks: ${name} that returns ${described(wrong)} is named in the log`, async () => {
    const row = rows[name]
    assert.ok(row && typeof row === 'object')
    const outcome = await (await driver(row))(() => wrong)
    assert.equal(outcome.json?.access_token, undefined)
    assertNamed(outcome, name, 'hook_result_invalid')
    const line = outcome.server.logged.findLast(({ problem }) => problem !== undefined)
    assert.ok(String(line?.problem).startsWith(row.hook ?? name), String(line?.problem))
  })

test('hooks: every key of a module that contains code has a row here', () => {
  // Return values of event callbacks are ignored: `test/events/callbacks.test.ts`.
  const keys = hookKeys().flatMap(key =>
    key === 'userStore' ? userStoreMembers.map(member => `${key}.${member}`) : key === 'events' ? [] : [key],
  )
  assertCovers(Object.keys(rows), keys, 'hook')
})
