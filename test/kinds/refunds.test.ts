/**
 * Refunds: each counter that is incremented before the work, with every way in which the work can fail. Work that was
 * not done, or was refused for a reason that the counter does not limit, is undone, so that it locks nobody out later.
 */

import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { hash as argon2id } from '@node-rs/argon2'
import { exportJWK, SignJWT } from 'jose'
import { createMailCounter } from '../../packages/server/src/identity/attempt-limits.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { accountsWorld, addUser, dora, doraSignsIn, tokensOf } from '../support/accounts.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { isBackground } from '../support/counting.ts'
import { enrolApp } from '../support/factors.ts'
import { hybridWorld } from '../support/hybrid.ts'
import { startLdapServer } from '../support/ldap.ts'
import { manage, register } from '../support/registering.ts'
import { textsOf } from '../support/repository.ts'
import { alice, authorizePath, callback, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import { federatedWorld, foreignProvider } from '../support/upstream.ts'
import { secret, world } from '../support/world.ts'
import { assertCovers } from './coverage.ts'
import { createFaultyTenantStores } from './faulty-tenant-stores.ts'

const provider = foreignProvider()
const ldap = await startLdapServer({
  entries: [
    { dn: 'cn=reader', password: 'reading', attributes: {} },
    { dn: 'uid=ada,ou=people', password: 'right', attributes: { uid: ['ada'], entryUUID: ['1'] } },
  ],
})
after(() => ldap.close())
const newcomer = { username: 'newcomer', email: 'new@example.com', new_password: dora.password }
const newPassword = { password: dora.password, new_password: 'nine yellow kettles' }

type Answer = { readonly status: number }
type Act = () => Promise<Answer>
type Way = {
  readonly name: string
  readonly world: () => object
  readonly prepare: (server: TestServer) => Promise<Act>
  /** The count that remains if nothing fails. */
  readonly kept: 0 | 1
  /** Calls after the limited work: the count remains if one of these fails. `name (2)` is the second call of this name. */
  readonly afterwards?: readonly string[]
}

/** The record for the audit log is made once the guess is known to be wrong: its user is looked up, and it is stored. */
const audited = ['storedUsers.findByName (2)', 'webhookMessages.add'] as const

type Reason =
  /** A function that creates the counters of other rows. */
  | 'has its callers as rows'
  /** Nothing that could fail is done after it. */
  | 'counts what has failed already'
  | 'is a mark, which limits nothing'

/** Each call of a counter in the source. */
const rows: Readonly<Record<string, readonly Way[] | Reason>> = {
  'clients/authentication/failed-attempts.ts countFailure': 'counts what has failed already',
  'app/client-services.ts countAttempt': 'is a mark, which limits nothing',
  'identity/password-guesses.ts countAttempt': 'has its callers as rows',
  'identity/attempt-limits.ts countAttempt': 'has its callers as rows',
  'identity/factors.ts countAttempt': 'has its callers as rows',
  'endpoints/register/request-limit.ts countAttempt': 'has its callers as rows',
  'endpoints/authorize/issue-response.ts countFrontChannelTokens': 'has its callers as rows',
  'identity/sign-in.ts countGuess': [
    guess('a correct password', world, { username: 'bob', password: 'bob' }, 0),
    guess('a wrong password', world, { username: 'bob', password: 'wrong' }, 1, audited),
    guess('an unknown name', world, { username: 'nobody', password: 'wrong' }, 1, audited),
    // Counts like a wrong password, from which nobody may be able to tell it.
    guess('a user who is not active', world, { username: 'ina', password: 'ina' }, 1, audited),
    {
      name: 'a correct password at the login page',
      world: () => pagesWorld,
      prepare: posting(authorizePath(), alice),
      kept: 0,
    },
    {
      name: 'a wrong password at the login page',
      world: () => pagesWorld,
      prepare: posting(authorizePath(), { ...alice, password: 'wrong' }),
      kept: 1,
      afterwards: audited,
    },
  ],
  'identity/sign-in.ts countFoundGuess': [
    guess('a correct password at a directory', directoryWorld(), atDirectory('ada', 'right'), 0),
    guess('a wrong password at a directory', directoryWorld(), atDirectory('ada', 'wrong'), 1, audited),
    guess('a name that a directory does not have', directoryWorld(), atDirectory('eve', 'wrong'), 1, audited),
  ],
  'pages/account/password.ts countGuess': [
    {
      name: 'a correct password at the account page',
      world: () => accountsWorld(),
      prepare: asDora('/account/password', newPassword, { emailVerified: false }),
      kept: 0,
    },
    {
      name: 'a wrong password at the account page',
      world: () => accountsWorld(),
      prepare: asDora('/account/password', { password: 'wrong', new_password: 'nine yellow kettles' }),
      kept: 1,
    },
  ],
  'pages/flow/security-notification.ts countNotification': [
    {
      name: 'a notification of a new password',
      world: () => accountsWorld(),
      prepare: asDora('/account/password', newPassword),
      kept: 1,
      afterwards: mailOnItsWay(),
    },
  ],
  'pages/flow/prove-factor.ts countFactorGuess': [
    { name: 'a correct code of an app', world: secondFactors, prepare: typingCode(true), kept: 0 },
    {
      ...{ name: 'a wrong code of an app', world: secondFactors, prepare: typingCode(false), kept: 1 },
      afterwards: audited,
    },
  ],
  'pages/device/device.ts countAttempt': [
    {
      name: 'a correct user code',
      world: () => pagesWorld,
      async prepare(server) {
        const { json } = await server.send('POST', '/connect/deviceauthorization', {
          form: { client_id: 'tv' },
        })
        return posting('/device', { user_code: json.user_code })(server)
      },
      kept: 0,
    },
    {
      name: 'a wrong user code',
      world: () => pagesWorld,
      prepare: posting('/device', { user_code: 'BCDF-GHJK' }),
      kept: 1,
    },
  ],
  'pages/signup/signup.ts countMail': [
    {
      name: 'an invitation',
      world: () => accountsWorld(),
      prepare: posting('/register', { email: 'new@example.com' }, onTheWayToSignUp),
      kept: 1,
      afterwards: mailOnItsWay(),
    },
    {
      name: 'an account with an address',
      world: () => accountsWorld({ sign_up: true, email_verification: 'optional' }),
      prepare: posting('/register', newcomer, onTheWayToSignUp),
      kept: 1,
      // The account exists, and its mail is stored.
      afterwards: [
        ...mailOnItsWay(),
        ...['totpSecrets.find', 'passkeys.of', 'recoveryCodes.count', 'sessions.create', 'sessions.ofUser'],
      ],
    },
  ],
  'pages/recovery/forgotten.ts countPasswordReset': [
    {
      name: 'a mail for a new password',
      world: () => accountsWorld({ sign_up: true, password_reset: true }),
      async prepare(server) {
        await addUser(server)
        return posting('/password/forgotten', { username: dora.email })(server)
      },
      kept: 1,
      afterwards: mailOnItsWay(),
    },
  ],
  'pages/account/email.ts countMail': [
    {
      name: 'a mail to a new address',
      world: () => accountsWorld(),
      prepare: asDora('/account/email', { email: 'other@example.com' }),
      kept: 1,
      afterwards: mailOnItsWay(),
    },
  ],
  'endpoints/par/par.ts countPending': [
    {
      name: 'a pushed request',
      world: () => pagesWorld,
      prepare: async server => () =>
        server.send('POST', '/connect/par', { form: authorizePath().split('?')[1] ?? '' }),
      kept: 1,
    },
  ],
  'pages/flow/shorten.ts countPending': [
    {
      name: 'a long request',
      world: () => pagesWorld,
      prepare: async server => () =>
        server.send('GET', authorizePath({ state: randomBytes(1500).toString('base64url') })),
      kept: 1,
    },
  ],
  'endpoints/deviceauthorization/deviceauthorization.ts countPending': [
    {
      name: 'a device authorization',
      world: () => pagesWorld,
      prepare: async server => () =>
        server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } }),
      kept: 1,
    },
  ],
  'clients/authentication/private-key-jwt.ts countAssertion': [
    { name: 'an assertion', world: registeringWorld, prepare: asserting(false), kept: 1 },
    { name: 'an assertion that was used', world: registeringWorld, prepare: asserting(true), kept: 0 },
  ],
  'endpoints/register/register.ts countRequest': [
    {
      name: 'a registration',
      world: registeringWorld,
      prepare: async server => () => register(server, { redirect_uris: [callback] }),
      kept: 1,
    },
  ],
  'endpoints/register/management.ts countRequest': [
    {
      name: 'an update of a registration',
      world: registeringWorld,
      async prepare(server) {
        const { json } = await register(server, { redirect_uris: [callback] })
        return () =>
          manage(server, 'PUT', json, { client_id: json.client_id, redirect_uris: [`${callback}2`] })
      },
      kept: 1,
    },
  ],
  'identity/federation/upstream-authorization-request.ts countAttempt': [
    {
      name: 'a redirect to a provider',
      world: () => federatedWorld(provider),
      async prepare(server) {
        const browser = createBrowser(server)
        let target = authorizePath({ acr_values: 'idp:corp' })
        for (let hops = 0; hops < 5 && !target.startsWith('/federation/login'); hops++)
          target = (await browser.request('GET', target)).location ?? ''
        assert.match(target, /^\/federation\/login/)
        return () => browser.request('GET', target)
      },
      kept: 1,
    },
  ],
  'endpoints/authorize/issue-response.ts countAttempt': [
    {
      name: 'tokens of the authorization endpoint',
      world: () => hybridWorld,
      async prepare(server) {
        const browser = createBrowser(server)
        await signIn(browser, authorizePath())
        return () => browser.request('GET', authorizePath({ response_type: 'id_token token' }))
      },
      kept: 1,
    },
  ],
  'endpoints/token/token.ts countClientToken': [
    {
      name: 'a reference token of a self-registered client',
      world: () => ({
        ...world,
        registration: {
          mode: 'open',
          allowed_scope: 'api1',
          allowed_grant_types: ['client_credentials'],
          client_defaults: { access_token_type: 'reference' },
        },
      }),
      async prepare(server) {
        const { json } = await register(server, { grant_types: ['client_credentials'], scope: 'api1' })
        const client = [json.client_id, json.client_secret] as const
        return () => server.token({ grant_type: 'client_credentials' }, { client })
      },
      kept: 1,
    },
  ],
}

function guess(
  name: string,
  configuration: object,
  credentials: Record<string, string>,
  kept: 0 | 1,
  afterwards: readonly string[] = [],
): Way {
  return {
    name,
    world: () => configuration,
    prepare: async server => () =>
      server.token(
        { grant_type: 'password', scope: 'api1', ...credentials },
        { client: ['roclient', secret] },
      ),
    kept,
    afterwards,
  }
}

function atDirectory(username: string, password: string) {
  return { username, password, acr_values: 'idp:staff' }
}

function directoryWorld(): object {
  const { port } = ldap
  const directory = {
    ...{ url: `ldap://localhost:${port}`, tls: 'none', base: 'ou=people' },
    ...{ bind_dn: 'cn=reader', bind_password: 'reading' },
  }
  return { ...world, identity_providers: [{ name: 'staff', type: 'ldap', directory }] }
}

function posting(
  target: string,
  fields: Readonly<Record<string, string>>,
  before: (browser: Browser) => Promise<string> = async () => target,
): Way['prepare'] {
  return async server => {
    const browser = createBrowser(server)
    const page = await browser.visit(await before(browser))
    const { form } = page
    assert.ok(form, `${target} has a form: ${page.status} ${page.text}`)
    return () => browser.request('POST', form.action, { form: { ...form.fields, ...fields } })
  }
}

async function onTheWayToSignUp(browser: Browser): Promise<string> {
  const page = await browser.visit(authorizePath())
  const [, href] = /href="(\/register\?[^"]+)"/.exec(page.body) ?? []
  assert.ok(href, page.text)
  return href.replaceAll('&amp;', '&')
}

function asDora(
  path: string,
  fields: Readonly<Record<string, string>>,
  changes: object = {},
): Way['prepare'] {
  return async server => {
    await addUser(server, changes)
    return posting(path, fields, async browser => {
      await signIn(browser, path, doraSignsIn)
      return path
    })(server)
  }
}

/** Returns the store calls that deliver a mail after it is in the store. */
function mailOnItsWay(): readonly string[] {
  return ['waitingMails.anyDue', 'waitingMails.claim', 'waitingMails.remove']
}

function secondFactors(): object {
  return { ...pagesWorld, mfa: { mode: 'required' } }
}

function typingCode(right: boolean): Way['prepare'] {
  return async server => {
    const { app } = await enrolApp(server, createBrowser(server), authorizePath())
    server.clock.advance(60)
    const browser = createBrowser(server)
    const { form } = await signIn(browser, authorizePath())
    assert.ok(form)
    const code = right ? app.code() : '000000'
    return () => browser.request('POST', form.action, { form: { ...form.fields, code, button: 'verify' } })
  }
}

function registeringWorld(): object {
  return {
    ...pagesWorld,
    registration: { mode: 'open', allowed_scope: 'openid', allowed_grant_types: ['authorization_code'] },
  }
}

function asserting(usedBefore: boolean): Way['prepare'] {
  return async server => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { json } = await register(server, {
      ...{ token_endpoint_auth_method: 'private_key_jwt', redirect_uris: [callback] },
      jwks: { keys: [await exportJWK(publicKey)] },
    })
    const client_id = json.client_id
    const client_assertion = await new SignJWT({
      ...{ iss: client_id, sub: client_id, aud: issuer, jti: randomUUID(), exp: server.clock.now() + 300 },
    })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(privateKey)
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    const act = () => server.token({ client_assertion, client_assertion_type })
    if (usedBefore) await act()
    return act
  }
}

test('refunds: each call of a counter in the source has a row', () => {
  const calls = new Set<string>()
  for (const [file, text] of textsOf('packages/server/src/**/*.ts')) {
    const name = file.replace('packages/server/src/', '')
    // These rooms count no attempts.
    if (/^(storage|pages\/ui|http)\//.test(name)) continue
    for (const [, call = ''] of text.matchAll(/(?<!function |async )\b(count[A-Z]\w*)\(/g))
      calls.add(`${name} ${call}`)
  }
  assertCovers(Object.keys(rows), calls, 'call of a counter')
})

/** Prepares a fresh server for this action, with the call of this index failing. */
async function prepared({ world, prepare }: Way) {
  const faulty = createFaultyTenantStores()
  const server = await createTestServer(world(), {
    tenantStores: faulty.tenantStores,
    // The clock of the mock provider.
    at: Math.floor(Date.now() / 1000),
  })
  return { faulty, server, act: await prepare(server) }
}

for (const [call, ways] of Object.entries(rows)) {
  if (typeof ways === 'string') continue
  for (const way of ways)
    test(`refunds: ${way.name} is not counted if the store fails at any later moment (${call})`, async () => {
      const { faulty, server, act } = await prepared(way)
      faulty.begin()
      const { status } = await act()
      await server.settled()
      assert.ok(status < 500, `${status}`)
      assert.equal(faulty.kept(), way.kept, 'where nothing fails')
      const calls = faulty.calls()
      for (const [index, name] of calls.entries()) {
        const again = await prepared(way)
        again.faulty.begin(index)
        await again.act()
        await again.server.settled()
        const times = calls.slice(0, index + 1).filter(call => call === name).length
        const isAfterwards = [name, `${name} (${times})`].some(call => way.afterwards?.includes(call))
        const kept = isAfterwards || isBackground(name) ? way.kept : 0
        assert.equal(again.faulty.kept(), kept, `${name}, call ${index + 1} of ${calls.join(', ')}`)
      }
    })
}

/** Guesses often enough to reach the limit if they counted; then the correct password must be accepted. */
async function guessInVain(server: TestServer, once: () => Promise<Answer>, expected: number, times = 150) {
  for (let count = 0; count < times; count++) assert.equal((await once()).status, expected)
  return server
}
const passwordOf = (server: TestServer, password: string, from?: string) =>
  server.token(
    { grant_type: 'password', scope: 'api1', username: 'bob', password },
    { client: ['roclient', secret], ...(from !== undefined && { from }) },
  )

test('refunds: a guess that a validator could not check is not counted, whether it throws or returns that', async () => {
  for (const [expected, fail] of [
    [503, () => Promise.reject(new Error('a broken module'))],
    [503, async () => ({ ok: false, unavailable: true }) as const],
  ] as const) {
    let broken = true
    const check = async ({ password }: { password: string }) => {
      if (broken) return fail()
      return password === 'bob' ? ({ ok: true, sub: '88421113' } as const) : ({ ok: false } as const)
    }
    const server = await createTestServer({ ...world, users: [], validators: { password: { check } } })
    await guessInVain(server, () => passwordOf(server, 'wrong'), expected)
    broken = false
    assert.equal((await passwordOf(server, 'bob')).status, 200)
  }
})

test('refunds: a guess that meets a full queue is not counted, and the correct password works afterwards', async () => {
  const encoded = await argon2id('bob', { memoryCost: 1024, timeCost: 1, parallelism: 1 })
  const users = [{ sub: '1', username: 'bob', password_argon2id: encoded, claims: {} }]
  const server = await createTestServer({ ...world, users })
  const answers = await Promise.all(Array.from({ length: 90 }, () => passwordOf(server, 'wrong')))
  const busy = answers.filter(({ status }) => status === 503).length
  assert.ok(busy > 0)
  assert.equal(server.logged.filter(({ reason }) => reason === 'password_queue_full').length, busy)
  // Only those that were checked count: as many more as the rest of the hundred.
  let checked = 90 - busy
  while ((await passwordOf(server, 'wrong')).status === 400) checked++
  assert.equal(checked, 100)
})

test('refunds: a right password of the password grant counts as a wrong one does if a second factor is needed', async () => {
  const server = await createTestServer({ ...world, mfa: { mode: 'required' } })
  for (let guesses = 0; guesses < 100; guesses++) {
    assert.equal((await passwordOf(server, guesses === 50 ? 'bob' : 'wrong')).status, 400)
    assert.equal(server.reason(), guesses === 50 ? 'second_factor_needed' : 'credentials_refused')
  }
  await passwordOf(server, 'wrong')
  assert.equal(server.reason(), 'password_guessed_too_often')
})

test('refunds: guesses at an unreachable directory are not counted', async () => {
  const server = await createTestServer({
    ...world,
    identity_providers: [
      {
        ...{ name: 'corp', type: 'ldap' },
        directory: {
          url: 'ldap://127.0.0.1:1',
          ...{ tls: 'none', base: 'dc=corp', bind_dn: 'cn=tessera', bind_password: 'x' },
          ...{ filter: '(uid={username})', id_attribute: 'uid', timeout: 1 },
        },
      },
    ],
  })
  const once = () =>
    server.token(
      { grant_type: 'password', scope: 'api1', username: 'bob', password: 'x', acr_values: 'idp:corp' },
      { client: ['roclient', secret] },
    )
  await guessInVain(server, once, 503, 120)
  assert.equal(server.reason(), 'credential_authority_unavailable')
})

const builds = 'https://builds.example'
const keysOfClient = 'https://client.example/keys'
const keysOfBuilds = 'https://builds.example/keys'
const metadataOfBuilds = `${builds}/.well-known/openid-configuration`

/** Creates a server with clients whose keys are elsewhere, at hosts that fail until `publish` is called. */
async function serverWithKeysElsewhere() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one' }] })
  const pages = new Map<string, string>()
  const asked: string[] = []
  const base = {
    token_endpoint_auth_method: 'private_key_jwt',
    grant_types: ['client_credentials', 'urn:ietf:params:oauth:grant-type:device_code'],
    scope: 'api1',
  }
  const clients = [
    { ...base, client_id: 'signer', jwks_uri: keysOfClient },
    {
      ...base,
      client_id: 'deploy',
      workload_identities: [{ issuer: builds, subject: 'build', signing_alg: 'ES256' }],
    },
  ]
  const server = await createTestServer(
    { ...world, clients: [...world.clients, ...clients] },
    {
      outbound: async url => {
        asked.push(String(url))
        const page = pages.get(String(url))
        return page === undefined
          ? { ok: false, reason: 'outbound_timeout', detail: 'no response' }
          : { ok: true, status: 200, headers: {}, body: page }
      },
    },
  )
  const send = async (
    client_id: string,
    { path = '/connect/token', kid = 'one', form = {} }: { path?: string; kid?: string; form?: object } = {},
  ) => {
    const iss = client_id === 'signer' ? client_id : builds
    const sub = client_id === 'signer' ? client_id : 'build'
    const client_assertion = await new SignJWT({
      ...{ iss, sub, aud: issuer, jti: randomUUID(), exp: server.clock.now() + 60 },
    })
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(privateKey)
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    return server.send('POST', path, {
      form: {
        ...{ grant_type: 'client_credentials', scope: 'api1', token: 'x', client_id },
        ...{ client_assertion, client_assertion_type, ...form },
      },
    })
  }
  const publish = (url: string, text = body) => {
    pages.set(url, text)
    server.clock.advance(30)
  }
  return { server, send, publish, asked }
}

for (const [what, client_id, failing, reason, published] of [
  ['the keys of a client', 'signer', keysOfClient, 'client_keys_unavailable', []],
  ['the metadata of an issuer', 'deploy', metadataOfBuilds, 'workload_issuer_unavailable', []],
  ['the keys of an issuer', 'deploy', keysOfBuilds, 'workload_issuer_unavailable', [metadataOfBuilds]],
] as const) {
  const metadata = JSON.stringify({ issuer: builds, jwks_uri: keysOfBuilds })
  const text = (url: string) => (url === metadataOfBuilds ? metadata : undefined)

  test(`refunds: an assertion is not counted if ${what} can't be fetched, and is accepted when they can`, async () => {
    const { server, send, publish, asked } = await serverWithKeysElsewhere()
    for (const url of published) publish(url, text(url))
    for (let times = 0; times < 150; times++) {
      const { status, json, headers } = await send(client_id)
      assert.deepEqual([status, json.error], [503, 'temporarily_unavailable'])
      assert.equal(headers['retry-after'], '1')
      assert.equal(server.reason(), reason)
    }
    // Whoever asks, the host is asked once in the pause.
    assert.equal(asked.filter(url => url === failing).length, 1)
    for (const url of [metadataOfBuilds, keysOfClient, keysOfBuilds]) publish(url, text(url))
    assert.equal((await send(client_id)).status, 200)
  })

  for (const path of ['introspect', 'revocation', 'par', 'deviceauthorization'])
    test(`refunds: /connect/${path} answers 503 if ${what} can't be fetched`, async () => {
      const { server, send, publish } = await serverWithKeysElsewhere()
      for (const url of published) publish(url, text(url))
      const { status, json, headers } = await send(client_id, { path: `/connect/${path}` })
      assert.deepEqual([status, json.error], [503, 'temporarily_unavailable'])
      assert.equal(headers['retry-after'], '1')
      assert.equal(server.reason(), reason)
    })
}

test('refunds: an assertion with a key that the fetched set lacks counts as a guess', async () => {
  const { server, send, publish } = await serverWithKeysElsewhere()
  publish(keysOfClient)
  for (let times = 0; times < 100; times++) {
    assert.equal((await send('signer', { kid: 'two' })).status, 401)
    assert.equal(server.reason(), 'client_assertion_invalid')
  }
  assert.equal((await send('signer')).status, 429)
})

test('refunds: counts that could not be undone while the store was unreachable are undone later', async () => {
  const tenantStores = createMemoryTenantStores()
  let away = false
  const { count, wait, forgive } = tenantStores.main.attempts
  const attempts = {
    ...{ count, wait },
    forgive: async (...values: Parameters<typeof forgive>) => {
      if (away) throw new Error('away')
      return forgive(...values)
    },
  }
  const server = await createTestServer(world, {
    tenantStores: { ...tenantStores, main: { ...tenantStores.main, attempts } },
  })
  away = true
  for (let round = 0; round < 99; round++) assert.equal((await passwordOf(server, 'bob')).status, 200)
  away = false
  for (let round = 0; round < 99; round++) assert.equal((await passwordOf(server, 'bob')).status, 200)
  assert.equal(server.logged.filter(({ level }) => level === 'error').length, 0)
})

test('refunds: an account is looked up for a mail only within the limit of the network, which is given back if that fails', async () => {
  let wait = 0
  const undone: string[] = []
  const { countPasswordReset } = createMailCounter({
    countAttempt: async ([first]) =>
      wait > 0 ? { ok: false, wait } : { ok: true, forgive: async () => void undone.push(first!.key) },
  })
  let asked = 0
  const ask = () =>
    countPasswordReset('192.0.2.1', 'dora', async () => {
      asked += 1
      throw new Error('away')
    })
  await assert.rejects(ask(), /away/)
  assert.equal(undone.length, 1)
  wait = 5
  assert.deepEqual(await ask(), { wait: 5 })
  assert.equal(asked, 1)
})

test('refunds: if one counter is at its limit, the others of an attempt are not counted', async () => {
  const server = await createTestServer(world)
  for (let round = 0; round < 100; round++) await passwordOf(server, 'wrong')
  // More than the network allows.
  await guessInVain(server, () => passwordOf(server, 'bob'), 429, 1001)
  const other = await server.token(
    {
      grant_type: 'password',
      scope: 'openid',
      username: 'carol',
      password: 'carol',
      acr_values: 'tenant:acme',
    },
    { client: ['roclient', secret] },
  )
  assert.equal(other.status, 200)
})

test('refunds: a refused sign-up does not use up the mails of its address', async () => {
  const server = await createTestServer(accountsWorld({ sign_up: true, email_verification: 'optional' }))
  const browser = createBrowser(server)
  const page = await browser.visit(await onTheWayToSignUp(browser))
  for (let round = 0; round < 10; round++)
    assert.equal((await browser.submit(page, { ...newcomer, new_password: 'short' })).status, 400)
  await browser.submit(page, newcomer)
  const [mail] = await server.mails()
  assert.equal(mail?.to, newcomer.email)
  assert.equal((await tokensOf(server, newcomer.username, newcomer.new_password)).status, 200)
})
