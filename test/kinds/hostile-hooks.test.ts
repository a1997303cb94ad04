/** A hook's return value of the wrong type is refused, is logged with a stable reason, and never reaches a token. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeFields, moduleProviderSchema } from '../../packages/server/src/configuration/schema/code.ts'
import { createBrowser } from '../support/browser.ts'
import { hostileTexts, variants } from '../support/hostile.ts'
import { authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
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
  /** Returns a valid value, with all optional members. */
  readonly right: unknown
  /** A server with this hook, and a function that makes it call the hook. */
  readonly open: (hook: () => unknown) => Promise<Driven>
  /** Values of these kinds are valid: nothing of them is in a token. */
  readonly takes?: (value: unknown) => boolean
}

const openPassword = async (more: object, form: object = {}): Promise<Driven> => {
  const server = await createTestServer({ ...world, ...more })
  const scope = 'openid profile roles api1'
  const whole = { grant_type: 'password', username: 'bob', password: 'bob', scope, ...form }
  return { server, ask: () => server.token(whole, { client: ['roclient', secret] }) }
}

const openPages = async (more: object): Promise<Driven> => {
  const server = await createTestServer({ ...pagesWorld, ...more })
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

const rows: Readonly<Record<string, Row | 'its driver takes a string only'>> = {
  'validators.password': {
    right: user,
    open: check => openPassword({ validators: { password: { check } } }),
  },
  'identity_providers.credentialAuthority': {
    right: user,
    open: check =>
      openPassword(
        { identity_providers: [{ name: 'staff', credentialAuthority: { check } }] },
        { acr_values: 'idp:staff' },
      ),
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
  mfaPolicy: {
    right: { mode: 'if_enrolled', methods: ['totp'], remember_browser_days: 1, password_grant: 'allow' },
    open: mfaPolicy => openPages({ mfaPolicy }),
    // An object without any of the members changes nothing.
    takes: value => typeof value === 'object' || value === undefined,
  },
  'federation.subject': {
    right: '1',
    async open(subject) {
      const { server } = await startFederated({ ...federatedWorld(provider), federation: { subject } })
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
        grants: [{ grantType: 'custom', parameters: {}, decide }],
        clients: [...world.clients, custom],
      })
      return { server, ask: () => server.token({ grant_type: 'custom' }, { client: ['custom', secret] }) }
    },
  },
  storagePassword: 'its driver takes a string only',
}

/** Not JSON, and not what any hook returns. */
const cycle: unknown[] = []
cycle.push(cycle)
const strange: readonly (readonly [what: string, value: unknown])[] = [
  ['undefined', undefined],
  ['a symbol', Symbol('x')],
  ['a bigint', 10n],
  ['a function', () => true],
  ['a date', new Date(0)],
  ['a map', new Map([['ok', true]])],
  ['no number', Number.NaN],
  ['a cycle', cycle],
  ['a rejected value', new Boolean(true)],
]

/** Whatever is returned, every claim that others rely on has the right type. */
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
  ['identity_providers.credentialAuthority', { ...user, sub: ['88421113'] }],
  ['profile.claims', { role: Number.NaN }],
  ['profile.claims', { role: new Date(0) }],
  ['profile.isActive', 'false'],
  ['profile.isActive', undefined],
  ['validators.tokenRequest', { ok: 'yes' }],
  ['grants.decide', { ok: true, subject: { sub: 5 } }],
  ['grants.decide', { ok: true, subject: { sub: 'x', amr: [5] } }],
  ['grants.decide', { ok: true, claims: { act: () => {} } }],
  ['grants.decide', undefined],
  ['mfaPolicy', { mode: 'always' }],
  ['mfaPolicy', { methods: 'totp' }],
  ['consentPolicy', 'no'],
  ['federation.subject', { sub: '1' }],
] as const)
  test(`hooks: ${name} that returns ${described(wrong)} is named in the log`, async () => {
    const row = rows[name]
    assert.ok(row && typeof row === 'object')
    const { server, json } = await (await driver(row))(() => wrong)
    assert.equal(json?.access_token, undefined)
    const told = server.logged.findLast(({ problem }) => problem !== undefined)
    assert.match(
      String(told?.problem),
      name === 'grants.decide' ? /^decide/ : new RegExp(name.split('.').at(-1) ?? ''),
    )
    assert.equal(server.reason(), 'hook_result_invalid')
  })

type Inner = { readonly unwrap?: () => Inner; readonly fields?: Readonly<Record<string, Inner>> }
const inner = (shape: Inner): Inner => (shape.unwrap ? inner(shape.unwrap()) : shape)

test('hooks: every key of a module that contains code has a row here', () => {
  const keys = Object.entries(codeFields as unknown as Record<string, Inner>).flatMap(([key, shape]) => {
    const members = inner(shape).fields
    return members
      ? Object.keys(members).map(member => `${key}.${member}`)
      : [key === 'grants' ? 'grants.decide' : key]
  })
  const ofProviders = Object.keys((moduleProviderSchema as unknown as Inner).fields ?? {}).filter(
    key => key === 'credentialAuthority',
  )
  assertCovers(Object.keys(rows), [...keys, ...ofProviders.map(key => `identity_providers.${key}`)], 'hook')
})
