/**
 * A configured user and a stored user are the same thing: the meaning of a name, an address, a password or a claim must not
 * depend on where the user is kept. Each row runs on every path.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { preparePassword } from '../../packages/server/src/identity/password.ts'
import { createArgon2id } from '../../packages/server/src/runtime/argon2id.ts'
import { testPasswordCost } from '../../packages/server/src/testing/running.ts'
import { addUser } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

type Person = {
  readonly sub: string
  readonly username: string
  readonly password?: string
  readonly tenant?: string
  readonly email?: string
  readonly emailVerified?: boolean
  readonly claims?: object
}
type Kept = (...people: readonly Person[]) => Promise<TestServer>

const world = {
  ...pagesWorld,
  accounts: {},
  users: [] as readonly object[],
  clients: [
    ...pagesWorld.clients,
    {
      client_id: 'direct',
      client_secrets: [{ value: 's' }],
      grant_types: ['password'],
      scope: 'openid profile email address phone',
    },
  ],
}

const { hash } = createArgon2id({ cost: testPasswordCost })

const written = ({ email, emailVerified, claims, password: _, ...person }: Person) => ({
  ...person,
  claims: { ...(email && { email, email_verified: emailVerified === true }), ...claims },
})

/** The ways in which users are kept here. */
const paths: Readonly<Record<string, Kept>> = {
  'configured user': (...people) =>
    createTestServer({
      ...world,
      users: people.map(one => ({ ...written(one), ...(one.password && { password: one.password }) })),
    }),
  'configured user with a hash': async (...people) =>
    createTestServer({
      ...world,
      users: await Promise.all(
        people.map(async one => ({
          ...written(one),
          ...(one.password && { password_argon2id: await hash(preparePassword(one.password)) }),
        })),
      ),
    }),
  'stored user': async (...people) => {
    const server = await createTestServer(world)
    for (const one of people)
      await addUser(server, { email: undefined, emailVerified: false, claims: {}, ...one })
    return server
  },
}

const direct = (server: TestServer, username: string, password: string, changes: object = {}) =>
  server.token(
    { grant_type: 'password', username, password, scope: 'openid', ...changes },
    { client: ['direct', 's'] },
  )

const byPage = async (server: TestServer, username: string, password: string) =>
  signIn(createBrowser(server), authorizePath(), { username, password, button: 'login' })

/** Composed letters, compatibility letters, capitals with a longer lowercase form, scripts without case. */
const spellings = [
  ['alice', 'Alice', 'ALICE', ' alice ', '\u00a0alice', 'ａｌｉｃｅ'],
  ['Zoë Müller', 'zoe\u0308 mu\u0308ller', 'ZOË MÜLLER', '\tZoë Müller'],
  ['STRAẞE', 'straße'],
  ['İpek', 'i\u0307pek'],
  ['Ωmega', 'ωmega', '\u2126mega'],
  ['が', 'か\u3099', 'か\u3099 '],
  ['🐘 ａ', '🐘 A'],
] as const

/** Names that nobody may sign in with. */
const others = ['аlice', 'al ice', 'alíce', 'alic', 'alice@example.com', '']

const password = 'pâss ﬁ wörd²'

for (const [path, keep] of Object.entries(paths)) {
  test(`two paths: ${path} signs in with every spelling of the name, at the token endpoint and the page [RFC 8265 §3.3]`, async () => {
    const people = spellings.map(([username], index) => ({ sub: `u${index}`, username, password }))
    const server = await keep(...people)
    for (const [index, names] of spellings.entries())
      for (const name of names) {
        const { status, json } = await direct(server, name, password)
        assert.equal(status, 200, `${name}: ${JSON.stringify(json)}`)
        assert.equal(claimsOf(json.access_token).sub, people[index]?.sub, name)
        answerOf(await byPage(server, name, password))
      }
    for (const name of others.filter(Boolean))
      assertRefused(await direct(server, name, password), 'invalid_grant', 'credentials_refused', name)
  })

  test(`two paths: ${path} has one password, however its letters are composed [NIST SP 800-63B-4 §3.1.1.2]`, async () => {
    const server = await keep({ sub: 'u', username: 'alice', password })
    for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'])
      assert.equal((await direct(server, 'alice', password.normalize(form))).status, 200, form)
    for (const wrong of [`${password} `, password.toUpperCase(), password.replace('²', '³'), ''])
      if (wrong) assertRefused(await direct(server, 'alice', wrong), 'invalid_grant', 'credentials_refused')
  })

  test(`two paths: ${path} signs in with a confirmed address, and with no other`, async () => {
    const server = await keep(
      { sub: 'u', username: 'alice', password, email: 'Alice@Example.com', emailVerified: true },
      { sub: 'v', username: 'bob', password, email: 'bob@example.com' },
      { sub: 'w', username: 'carol', password, tenant: 'acme', email: 'c@example.com', emailVerified: true },
    )
    for (const name of ['Alice@Example.com', 'alice@example.com', ' ALICE@example.com ']) {
      assert.equal((await direct(server, name, password)).status, 200, name)
      answerOf(await byPage(server, name, password))
    }
    assert.equal((await direct(server, 'c@example.com', password, { acr_values: 'tenant:acme' })).status, 200)
    for (const name of ['bob@example.com', 'c@example.com', 'alice@other.example'])
      assertRefused(await direct(server, name, password), 'invalid_grant', 'credentials_refused', name)
    assertRefused(
      await direct(server, 'alice@example.com', password, { acr_values: 'tenant:acme' }),
      'invalid_grant',
      'credentials_refused',
    )
  })

  test(`two paths: guesses at ${path} count together for every spelling and for the address, and not for a known browser`, async () => {
    const server = await keep({
      ...{ sub: 'u', username: 'Zoë', password, email: 'zoe@example.com', emailVerified: true },
    })
    const browser = createBrowser(server)
    const page = (username: string) =>
      signIn(browser, authorizePath({ prompt: 'login' }), { username, password, button: 'login' })
    answerOf(await page('zoe@example.com'))
    const names = ['Zoë', 'zoe\u0308', 'ZOË', ' zoë ', 'zoe@example.com', 'ZOE@example.com']
    const guess = async (count: number): Promise<void> => {
      const form = { grant_type: 'password', username: names[count % names.length], password: 'wrong' }
      const answer = await server.token(form, { client: ['direct', 's'], from: `192.0.2.${count}` })
      assertRefused(answer, 'invalid_grant', 'credentials_refused')
    }
    for (let wave = 0; wave < 100; wave += 25)
      await Promise.all(Array.from({ length: 25 }, (_, one) => guess(wave + one)))
    for (const name of names)
      assertRefused(await direct(server, name, password), 'invalid_grant', 'password_guessed_too_often', name)
    assertRefused(await direct(server, 'zoey', password), 'invalid_grant', 'credentials_refused')
    for (const name of ['ZOË', 'zoe@example.com']) answerOf(await page(name))
  })

  test(`two paths: ${path} without a password can’t sign in with any`, async () => {
    const server = await keep({ sub: 'u', username: 'alice' }, { sub: 'v', username: 'bob', password })
    for (const typed of [password, ' ', 'undefined'])
      assertRefused(await direct(server, 'alice', typed), 'invalid_grant', 'credentials_refused')
  })

  test(`two paths: ${path} has the name as preferred_username, unless the claims differ [OpenID Connect Core 1.0 §5.1]`, async () => {
    const server = await keep(
      { sub: 'u', username: 'Alice', password },
      { sub: 'v', username: 'bob', password, claims: { preferred_username: 'Robert' } },
    )
    for (const [name, expected] of [
      ['alice', 'Alice'],
      ['bob', 'Robert'],
    ] as const) {
      const { json } = await direct(server, name, password, { scope: 'openid profile' })
      const userinfo = await server.send('GET', '/connect/userinfo', {
        headers: { authorization: `Bearer ${json.access_token}` },
      })
      assert.equal(userinfo.json.preferred_username, expected)
    }
  })
}

test('two paths: of a configured and a stored user with one name, the configured one signs in', async () => {
  const server = await createTestServer(world)
  await addUser(server, { username: 'Alice', email: 'stored@example.com' })
  await server.reconfigure({ ...world, users: [{ sub: 'c', username: 'ALICE', password: 'other' }] })
  assert.equal((await direct(server, 'Alice', 'other')).status, 200)
  assertRefused(await direct(server, 'Alice', 'seven purple kettles'), 'invalid_grant', 'credentials_refused')
  // The other can still sign in with their own address.
  assert.equal((await direct(server, 'stored@example.com', 'seven purple kettles')).status, 200)
})

test('two paths: an address that two users have confirmed signs in neither; a user with it as name can sign in', async () => {
  const server = await createTestServer(world)
  const password = 'seven purple kettles'
  await addUser(server, { username: 'three', email: 'shared@example.com' })
  assert.equal((await direct(server, 'shared@example.com', password)).status, 200)

  const claims = { email: 'Shared@example.com', email_verified: true }
  const one = { sub: 'c1', username: 'one', password: 'first', claims }
  await server.reconfigure({ ...world, users: [one] })
  for (const typed of [password, 'first'])
    assertRefused(await direct(server, 'shared@example.com', typed), 'invalid_grant', 'credentials_refused')
  assert.equal((await direct(server, 'three', password)).status, 200)

  const configured = await createTestServer({
    ...world,
    users: [one, { ...one, sub: 'c2', username: 'two' }],
  })
  assertRefused(
    await direct(configured, 'shared@example.com', 'first'),
    'invalid_grant',
    'credentials_refused',
  )
  for (const name of ['one', 'two']) assert.equal((await direct(configured, name, 'first')).status, 200)

  await server.reconfigure({
    ...world,
    users: [one, { sub: 'c3', username: 'shared@EXAMPLE.com', password: 'third', claims: {} }],
  })
  assert.equal((await direct(server, 'shared@example.com', 'third')).status, 200)
})

test('two paths: sign-up accepts no name or address of a configured user, in any spelling', async () => {
  const claims = { email: 'Zoë@example.com', email_verified: true }
  const server = await createTestServer({
    ...world,
    users: [{ sub: 'c', username: 'Zoë', password: 'x', claims }],
  })
  const add = (changes: object) => server.accounts.add({ username: 'free', password, ...changes })
  for (const [changes, reason] of [
    [{ username: 'zoe\u0308' }, 'username_taken'],
    [{ username: ' ZOË' }, 'username_taken'],
    [{ username: 'ZOË@example.com' }, 'username_taken'],
    [{ email: 'zoë@EXAMPLE.com', emailVerified: true }, 'account_taken'],
    [{ email: 'Zoë', emailVerified: true }, 'account_taken'],
  ] as const) {
    const added = await add(changes)
    assert.equal(added.ok ? added.value.username : added.reason, reason, JSON.stringify(changes))
  }
  assert.ok((await add({})).ok)
})

test('two paths: a hash of a password as it was typed is still accepted, wherever it is stored', async () => {
  const encoded = await hash(password)
  const configured = await createTestServer({
    ...world,
    users: [{ sub: 'c', username: 'alice', password_argon2id: encoded }],
  })
  const stored = await createTestServer(world)
  await addUser(stored, { sub: 's', username: 'alice' })
  const user = (await stored.accounts.find('s'))!
  await stored.stores.storedUsers.replace({ ...user, version: user.version + 1, password: encoded })
  for (const server of [configured, stored]) {
    for (const form of ['NFC', 'NFD'])
      assert.equal((await direct(server, 'alice', password.normalize(form))).status, 200, form)
    assertRefused(await direct(server, 'alice', 'pass fi word2'), 'invalid_grant', 'credentials_refused')
  }
})
