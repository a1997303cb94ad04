/** Events of each type, as callbacks and webhooks get them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { openFactors } from '../../packages/server/src/app/administration.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import type { Session } from '../../packages/server/src/model/authorization.ts'
import { type EventType, eventTypes } from '../../packages/server/src/model/events.ts'
import type { Commit, Messages } from '../../packages/server/src/model/ports/stores.ts'
import { accountsWorld, addUser, dora, doraSignsIn } from '../support/accounts.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { type Listening, type Received, startListening, webhookSecret } from '../support/events.ts'
import { finishEnrolment, secretOn } from '../support/factors.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { basic, issuer, masterKey, startOfTime, type TestServer } from '../support/tessera.ts'
import { federatedWorld, foreignProvider, visitProvider } from '../support/upstream.ts'
import { secret, withClients, world } from '../support/world.ts'

const provider = foreignProvider({ sub: 'ada-there' })
const security = '/account/security'
const accounts = accountsWorld({ sign_up: true, self_deletion: true })

const redeem = (server: TestServer, code: string | null) =>
  server.token({
    ...{ grant_type: 'authorization_code', client_id: 'web', code: code ?? '' },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })

const passwordGrant = (server: TestServer) =>
  server.token(
    { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1 offline_access' },
    { client: ['roclient', secret] },
  )

const revoke = (server: TestServer, token: string) =>
  server.send('POST', '/connect/revocation', { form: { token }, headers: basic('roclient', secret) })

const post = async (browser: Browser, path: string, form: Record<string, string>) => {
  const { form: shown } = await browser.visit(path)
  return browser.request('POST', path, { form: { csrf: shown?.fields.csrf ?? '', ...form } })
}

const userOf = async ({ accounts }: TestServer, sub: string) => {
  const user = await accounts.find(sub)
  assert.ok(user)
  return user
}

async function addFactor({ server }: Listening) {
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  await finishEnrolment(server, browser, await browser.visit(`${security}?add=totp`))
  return browser
}

async function connectAccount({ server }: Listening) {
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  const page = '/account/connections'
  const leaving = await post(browser, page, { provider: 'corp', button: 'connect' })
  const [, location = ''] = /^0; url=(.*)$/.exec(String(leaving.headers.refresh)) ?? []
  await browser.visit(await visitProvider({ ...leaving, location }))
  return { browser, page }
}

async function agree({ server }: Listening) {
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  const page = await browser.visit(authorizePath({ client_id: 'asking' }))
  answerOf(await browser.submit(page, { button: 'yes' }))
  return browser
}

/** The clock of the mock provider, read when a test starts: its tokens are not from the future. */
const machineTime = (): number => Math.floor(Date.now() / 1000)

type Case = {
  readonly world?: () => object
  readonly at?: () => number
  /** Causes the event; returns the expected members. */
  readonly run: (listening: Listening) => Promise<object>
}

const ofUser = (run: (server: TestServer, sub: string) => Promise<object | undefined>): Case => ({
  world: () => accounts,
  async run({ server }) {
    const sub = await addUser(server)
    return { sub, ...(await run(server, sub)) }
  },
})

const madeClient = { token_endpoint_auth_method: 'none', redirect_uris: ['https://new.example/cb'] }

async function makeClient({ administration }: TestServer) {
  const made = await administration.clients.create({ client_id: 'new', ...madeClient }, { actor: 'tester' })
  assert.ok(made.ok)
  return { kind: 'clients', id: 'new', actor: 'tester' }
}

/** Total: a new type needs a case. */
const cases: Readonly<Record<Exclude<EventType, 'user.factors_reset'>, Case>> = {
  'user.signed_in': {
    async run({ server }) {
      await signIn(createBrowser(server), authorizePath())
      const line = server.logged.find(({ event }) => event === 'signed_in')
      return {
        ...{ sub: '1', sid: line?.sid, idp: 'local', amr: ['pwd'], acr: '1', client_id: 'web' },
        request_id: line?.request_id,
      }
    },
  },
  'user.created': ofUser(async () => undefined),
  'user.updated': ofUser(async (server, sub) => {
    const changes = { username: 'Theodora', claims: {} }
    assert.ok((await server.accounts.update(await userOf(server, sub), changes)).ok)
    return { changed: ['username', 'claims'] }
  }),
  'user.password_changed': ofUser(async (server, sub) => {
    assert.ok((await server.accounts.setPassword(await userOf(server, sub), 'nine orange spoons')).ok)
    return undefined
  }),
  'user.disabled': ofUser(async (server, sub) => {
    await server.accounts.setActive(sub, false)
    return undefined
  }),
  'user.enabled': ofUser(async (server, sub) => {
    await server.accounts.setActive(sub, false)
    await server.accounts.setActive(sub, true)
    return undefined
  }),
  'user.deleted': ofUser(async (server, sub) => {
    await server.accounts.remove(sub)
    return { actor: 'application' }
  }),
  'user.exported': ofUser(async (server, sub) => {
    assert.ok((await server.personalData.exportData(sub, 'application')).ok)
    return { actor: 'application' }
  }),
  'user.access_revoked': {
    async run({ server }) {
      await server.endAccess('1')
      return { sub: '1' }
    },
  },
  'client.access_revoked': {
    async run({ server }) {
      assert.ok(await server.revokeClient('web'))
      return { client_id: 'web' }
    },
  },
  'client.blocked': {
    async run({ server }) {
      await server.blockClients({ kind: 'redirect_host', id: 'spam.example' }, true, { actor: 'tester' })
      return { kind: 'redirect_host', id: 'spam.example', actor: 'tester' }
    },
  },
  'client.unblocked': {
    async run({ server }) {
      await server.blockClients({ kind: 'sealed_clients', id: '' }, true)
      await server.blockClients({ kind: 'sealed_clients', id: '' }, false)
      return { kind: 'sealed_client_ids', actor: 'application' }
    },
  },
  'tenant.access_revoked': {
    async run({ server }) {
      await server.revokeTenant('acme')
      return { tenant: 'acme' }
    },
  },
  'user.factor_added': {
    async run(listening) {
      await addFactor(listening)
      return { sub: '1', method: 'totp' }
    },
  },
  'user.factor_removed': {
    async run(listening) {
      await post(await addFactor(listening), security, { method: 'totp', button: 'remove' })
      return { sub: '1', method: 'totp' }
    },
  },
  'user.identity_linked': {
    world: () => federatedWorld(provider),
    at: machineTime,
    async run(listening) {
      await connectAccount(listening)
      return { sub: '1', provider: 'corp' }
    },
  },
  'user.identity_unlinked': {
    world: () => federatedWorld(provider),
    at: machineTime,
    async run(listening) {
      const { browser, page } = await connectAccount(listening)
      const [, identity = ''] = /name="identity" value="([^"]+)"/.exec((await browser.visit(page)).body) ?? []
      await post(browser, page, { provider: 'corp', identity, button: 'disconnect' })
      return { sub: '1', provider: 'corp' }
    },
  },
  'session.ended': {
    async run({ server }) {
      answerOf(await signIn(createBrowser(server), authorizePath()))
      const [session] = await server.stores.sessions.ofUser('1')
      await server.endSession(session?.sid ?? '', 'ended_by_user')
      return { sub: '1', sid: session?.sid, cause: 'ended_by_user', clients: ['web'] }
    },
  },
  'token.issued': {
    async run({ server }) {
      const page = await signIn(createBrowser(server), authorizePath())
      assert.equal((await redeem(server, answerOf(page).get('code'))).status, 200)
      const line = server.logged.find(({ event }) => event === 'authorization_issued')
      const request_id = server.logged.find(({ event }) => event === 'tokens_issued')?.request_id
      return {
        ...{ client_id: 'web', grant_type: 'authorization_code', scope: ['api1', 'openid'], sub: '1' },
        ...{ authorization_id: line?.authorization_id, request_id },
      }
    },
  },
  'token.refused': {
    async run({ server }) {
      const refused = await redeem(server, 'wrong')
      return { client_id: 'web', error: 'invalid_grant', reason: refused.reason, request_id: 'test-1' }
    },
  },
  'token.revoked': {
    world: () => world,
    async run({ server }) {
      const { refresh_token } = (await passwordGrant(server)).json
      await revoke(server, refresh_token)
      const line = server.logged.find(({ event }) => event === 'token_revoked')
      return {
        ...{ client_id: 'roclient', kind: 'refresh_token', authorization_id: line?.authorization_id },
        ...{ sub: '88421113', request_id: 'test-2' },
      }
    },
  },
  'authorization.revoked': {
    async run({ server }) {
      const code = answerOf(await signIn(createBrowser(server), authorizePath())).get('code')
      await redeem(server, code)
      const { reason } = await redeem(server, code)
      const line = server.logged.findLast(({ event }) => event === 'refused')
      return {
        authorization_id: server.logged.find(({ event }) => event === 'authorization_issued')
          ?.authorization_id,
        ...{ client_id: 'web', sub: '1', reason, request_id: line?.request_id },
      }
    },
  },
  'consent.given': {
    async run(listening) {
      await agree(listening)
      const { request_id } =
        (await listening.called()).find(({ type }) => type === 'consent.given')?.data ?? {}
      assert.match(request_id, /^test-\d+$/)
      return { sub: '1', client_id: 'asking', scope: ['api1', 'openid'], request_id }
    },
  },
  'consent.withdrawn': {
    async run(listening) {
      const browser = await agree(listening)
      await post(browser, '/account/consents', { client_id: 'asking', button: 'revoke' })
      const line = listening.server.logged.find(({ event }) => event === 'consent_revoked')
      return { sub: '1', client_id: 'asking', request_id: line?.request_id }
    },
  },
  'entry.created': {
    run: async ({ server }) => ({ ...(await makeClient(server)), version: 1 }),
  },
  'entry.updated': {
    async run({ server }) {
      const change = await makeClient(server)
      const { clients } = server.administration
      const changed = { ...madeClient, client_name: 'New', require_consent: true }
      assert.ok((await clients.replace('new', changed, { actor: 'tester' })).ok)
      return { ...change, version: 2, changed: ['client_name', 'require_consent'] }
    },
  },
  'entry.deleted': {
    async run({ server }) {
      const change = await makeClient(server)
      assert.ok((await server.administration.clients.remove('new', { actor: 'tester' })).ok)
      return { ...change, version: 1 }
    },
  },
  'key.rotated': {
    async run({ server }) {
      const keys = await server.keys.rotate({ now: true })
      const { kid, alg, active_from } = keys.findLast(key => key.alg === 'ES256') ?? {}
      return { kid, alg, active_from }
    },
  },
  'key.removed': {
    async run({ server }) {
      const { kid } = server.keys.list().find(({ alg }) => alg === 'ES256') ?? {}
      await server.keys.rotate({ now: true })
      server.clock.advance(60 * 86_400)
      await server.keys.refresh()
      return { kid }
    },
  },
}

for (const [type, { world: given = () => pagesWorld, at: timeOf = () => startOfTime, run }] of Object.entries(
  cases,
))
  test(`events: ${type} reaches callbacks and webhooks, with the same body`, async () => {
    const at = timeOf()
    const listening = await startListening(given(), { at })
    const expected = await run(listening)
    const { server } = listening
    const told = (await listening.called()).filter(event => event.type === type)
    const isExpected = ({ data }: Received) => isDeepStrictEqual(data, expected)
    assert.ok(told.some(isExpected), JSON.stringify({ told, expected }, null, 1))
    for (const event of told) {
      assert.match(event.id, /^evt_[\w-]{22}$/)
      assert.equal(event.issuer, server.issuer)
      assert.ok(Date.parse(event.timestamp) / 1000 >= at)
    }
    const bodies = (await listening.posted()).map(body => JSON.parse(body))
    assert.deepEqual(
      bodies.filter(body => body.type === type).toSorted(byId),
      [...told].toSorted(byId),
      'callbacks and webhooks differ',
    )
  })

const byId = (one: Received, other: Received): number => (one.id < other.id ? -1 : 1)

test('events: user.factors_reset of the command line is stored, and sent by the server', async () => {
  const { storage, open } = await beginShared()
  const listening = await startListening(pagesWorld, {
    tenantStores: await open(),
    at: machineTime(),
  })
  await addFactor(listening)
  const parsed = parseConfiguration(
    {
      ...{ issuer, storage, api_scopes: [] },
      webhooks: [{ url: 'https://receiver.example/hook', secrets: [webhookSecret] }],
    },
    { environment: { TESSERA_MASTER_KEY: masterKey } },
  )
  assert.ok(parsed.ok)
  const factors = await openFactors(parsed.configuration, parsed.configuration)
  assert.equal(await factors.reset('1'), 1)
  await factors.close()
  const types = async () => (await listening.posted()).map(body => JSON.parse(body).type)
  assert.ok(!(await types()).includes('user.factors_reset'))
  listening.server.clock.advance(60)
  await listening.server.runWebhooks()
  assert.ok((await types()).includes('user.factors_reset'))
})

test('events: the table of types is complete', () => {
  assert.deepEqual([...eventTypes].toSorted(), [...Object.keys(cases), 'user.factors_reset'].toSorted())
})

test('events: tokens of the authorization endpoint are reported as implicit, once for each response', async () => {
  const client = { client_id: 'web', grant_types: ['authorization_code', 'implicit'] }
  const clients = pagesWorld.clients.map(one =>
    one.client_id === 'web'
      ? { ...one, ...client, response_types: ['code', 'code id_token', 'code token'] }
      : one,
  )
  const { server, called } = await startListening({ ...pagesWorld, clients })
  const browser = createBrowser(server)
  answerOf(await signIn(browser, authorizePath()))
  answerOf(await browser.visit(authorizePath({ response_type: 'code token' })))
  const told = (await called()).filter(({ type }) => type === 'token.issued')
  assert.deepEqual(
    told.map(({ data }) => [data.grant_type, data.client_id, data.sub]),
    [['implicit', 'web', '1']],
  )
})

test('events: a change that did not happen is not reported', async () => {
  const { server, called, posted } = await startListening(accounts)
  const sub = await addUser(server)
  const before = (await called()).length
  const user = await userOf(server, sub)
  assert.ok(!(await server.accounts.add({ ...dora, sub: 'other' })).ok)
  assert.ok(!(await server.accounts.update({ ...user, version: 7 }, { claims: {} })).ok)
  assert.ok(!(await server.accounts.remove('unknown')).ok)
  await server.endSession('unknown', 'signed_out')
  assert.equal((await called()).length, before)
  assert.equal((await posted()).length, before)
})

test('events: no event contains a password, code, token, cookie, secret or claim', async () => {
  const { server, posted } = await startListening({
    ...accounts,
    mfa: { mode: 'if_enrolled' },
    clients: accounts.clients.map(client =>
      client.client_id === 'direct' ? { ...client, access_token_type: 'reference' } : client,
    ),
  })
  await addUser(server)
  const browser = createBrowser(server)
  const code = answerOf(await signIn(browser, authorizePath(), doraSignsIn)).get('code')
  const tokens = (await redeem(server, code)).json
  const direct = await server.token(
    { grant_type: 'password', username: 'dora', password: dora.password, scope: 'openid offline_access' },
    { client: ['direct', 's'] },
  )
  const { access_token, refresh_token } = direct.json
  await server.send('POST', '/connect/revocation', {
    form: { token: access_token },
    headers: basic('direct', 's'),
  })
  await server.token({ grant_type: 'refresh_token', refresh_token }, { client: ['direct', 'wrong-secret'] })
  const asked = await browser.visit(`${security}?add=totp`)
  const shown = secretOn(asked)
  const { codes } = await finishEnrolment(server, browser, asked)
  await redeem(server, code)
  const secrets = [
    ...[code, verifier, dora.password, dora.email, dora.claims.name, 'wrong-secret', webhookSecret, shown],
    ...[tokens.access_token, tokens.id_token, access_token, refresh_token],
    ...browser.cookies.values(),
    ...codes,
  ]
  const bodies = (await posted()).join('\n')
  assert.deepEqual(
    new Set((await posted()).map(body => JSON.parse(body).type)),
    new Set([
      ...['user.created', 'user.signed_in', 'token.issued', 'token.revoked', 'token.refused'],
      ...['user.factor_added', 'authorization.revoked'],
    ]),
  )
  for (const one of secrets) {
    assert.ok(typeof one === 'string' && one.length > 3)
    assert.ok(!bodies.includes(one), `an event contains ${one}`)
  }
})

test('events: without a subscriber nothing is made, sealed or stored', async () => {
  const { server } = await startListening(pagesWorld)
  await server.reconfigure({
    ...pagesWorld,
    audit: { enabled: false },
    webhooks: [{ url: 'https://receiver.example/hook', secrets: [webhookSecret], events: ['key.removed'] }],
  })
  const { stores } = server
  const stored: unknown[] = []
  const { commit, sessions, webhookMessages } = stores
  const [create, add] = [sessions.create, webhookMessages.add]
  Object.assign(stores, {
    commit: (write: Commit) => {
      stored.push(write.messages)
      return commit(write)
    },
  })
  Object.assign(sessions, {
    create: (session: Session, messages?: Messages) => {
      stored.push(messages)
      return create(session, messages)
    },
  })
  Object.assign(webhookMessages, {
    add: (messages: Messages) => {
      stored.push(messages)
      return add(messages)
    },
  })
  const page = await signIn(createBrowser(server), authorizePath())
  await redeem(server, answerOf(page).get('code'))
  await server.token({ grant_type: 'client_credentials' }, { client: ['machine', 's'] })
  await redeem(server, 'wrong')
  await server.settled()
  // A session and a code. Nothing is written for the token of the client itself.
  assert.deepEqual(stored, [undefined, undefined])
})

test('events: clients with different kinds of tokens: each revocation is reported', async () => {
  const reference = withClients({ client_id: 'roclient', access_token_type: 'reference' } as never)
  for (const [given, kind] of [
    [world, 'jwt'],
    [reference, 'reference_token'],
  ] as const) {
    const { server, called } = await startListening(given)
    const { access_token } = (await passwordGrant(server)).json
    await revoke(server, access_token)
    const told = (await called()).find(({ type }) => type === 'token.revoked')
    assert.equal(told?.data.kind, kind)
    assert.ok(told?.data.jti.length > 10)
  }
})
