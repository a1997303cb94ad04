/**
 * The cost of a stranger's request, endpoint by endpoint: rows written, passwords hashed, requests sent and lines
 * logged before anybody is authenticated. Everything that the memory store contains is counted, so that a new write is
 * noticed. If something is stored, the row says how much one network can cause, and a neighbour from another network
 * makes the same request and must be served.
 */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import {
  createMemoryStores,
  createMemoryTenantStores,
} from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables, type Tables } from '../../packages/server/src/storage/memory/tables.ts'
import { addUser } from '../support/accounts.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { jsonType } from '../support/registering.ts'
import { authorizePath, challenge, signIn } from '../support/sign-in.ts'
import {
  type Answer,
  basic,
  createTestServer,
  type SendOptions,
  type TestServer,
} from '../support/tessera.ts'
import { assertCovers, everyEndpoint, everythingOn } from './coverage.ts'

// Before the server loads it. Verifying the same password again has the same result, and costs 30 ms.
const argon2 = createRequire(import.meta.url)('@node-rs/argon2')
const { hash, verify } = argon2
const verified = new Map<string, Promise<boolean>>()
let hashed = 0
argon2.hash = (...given: unknown[]) => {
  hashed += 1
  return hash(...given)
}
argon2.verify = (encoded: string, password: string) => {
  hashed += 1
  const key = JSON.stringify([encoded, password])
  const result = verified.get(key) ?? verify(encoded, password)
  verified.set(key, result)
  return result
}

const callback = 'https://app.example/cb'
const everything = {
  ...everythingOn,
  authorization_requests: { max_waiting_per_network: 10 },
  registration: {
    mode: 'open',
    max_requests_per_hour: 10,
    metadata_documents: { mode: 'open' },
    sealed_client_ids: { mode: 'issue' },
  },
  clients: [
    ...everythingOn.clients,
    {
      client_id: 'page',
      token_endpoint_auth_method: 'none',
      redirect_uris: [callback],
      scope: 'openid api1',
    },
  ],
  users: [...everythingOn.users, { sub: '9', username: 'alice', password: 'wonderland', claims: {} }],
}

type Cost = {
  /** Rows of each table; a table that is not named must not grow. */
  readonly rows?: Partial<Record<keyof Tables, number>>
  readonly hashes?: number
  readonly fetches?: number
  readonly mails?: number
}

type Ask = (server: TestServer, from: string, count: number) => Promise<Answer>

type Row = {
  readonly ask: Ask
  /** At most, of one request. */
  readonly costs: Cost
  /** Rows that many requests of one network leave. Omitted if nothing is stored. */
  readonly bound?: {
    /** More than are allowed. */
    readonly requests: number
    readonly rows: Partial<Record<keyof Tables, number>>
    /** The status of a request beyond the limit. */
    readonly refused: number
    /** The status of the neighbour's request. */
    readonly served: number
    /** Omitted: the same request. */
    readonly neighbour?: Ask
  }
}

const send =
  (method: string, path: string, options: SendOptions = {}): Ask =>
  (server, from) =>
    server.send(method, path, { ...(method === 'POST' && { form: {} }), ...options, from })

/** A row of an endpoint that stores nothing of a stranger's request, whatever it contains. */
const nothing = (ask: Ask): Row => ({ ask, costs: {} })
const bare = (endpoint: string): Row => {
  const [method = '', path = ''] = endpoint.split(' ')
  return nothing(send(method, path.replace('*', 'x')))
}

/** Fills in a page's form, as a browser from this network would. */
const onPage =
  (open: string, fields: (count: number) => Readonly<Record<string, string>>): Ask =>
  async (server, from, count) => {
    const browser = createBrowser({
      send: (method, path, options) => server.send(method, path, { ...options, from }),
    })
    const page = await browser.visit(open)
    return browser.submit(page, fields(count)) as Promise<Page>
  }

const pushed = { client_id: 'page', redirect_uri: callback, response_type: 'code', scope: 'openid' }
const proof = { code_challenge: challenge, code_challenge_method: 'S256' }
const target = authorizePath({ client_id: 'page', redirect_uri: callback, scope: 'openid' })
const metadata = JSON.stringify({ redirect_uris: [callback] })

const costly: Readonly<Record<string, Row>> = {
  'GET /connect/authorize': nothing(send('GET', target)),
  'POST /connect/authorize': nothing(
    send('POST', '/connect/authorize', { form: target.split('?')[1] ?? '' }),
  ),
  'POST /connect/register': {
    ask: send('POST', '/connect/register', { body: metadata, headers: jsonType, form: undefined as never }),
    costs: { rows: { registeredClients: 1, principals: 1, attempts: 1 } },
    bound: {
      requests: 15,
      rows: { registeredClients: 10, principals: 10, attempts: 1 },
      ...{ refused: 429, served: 201 },
    },
  },
  'POST /connect/par': {
    ask: send('POST', '/connect/par', { form: { ...pushed, ...proof } }),
    costs: { rows: { pushedRequests: 1, attempts: 1 } },
    bound: { requests: 15, rows: { pushedRequests: 10, attempts: 1 }, refused: 429, served: 201 },
  },
  'POST /connect/deviceauthorization': {
    ask: send('POST', '/connect/deviceauthorization', { form: { client_id: 'device', scope: 'openid' } }),
    costs: { rows: { devices: 1, attempts: 1 } },
    bound: { requests: 15, rows: { devices: 10, attempts: 1 }, refused: 429, served: 200 },
  },
  // Failures of client authentication are counted by network, and by client and network.
  'POST /connect/token': {
    ask: send('POST', '/connect/token', {
      form: { grant_type: 'client_credentials' },
      headers: basic('client', 'x'),
    }),
    costs: { rows: { attempts: 3 } },
  },
  'POST /connect/introspect': {
    ask: send('POST', '/connect/introspect', { form: { token: 'x' }, headers: basic('urn:api', 'x') }),
    costs: { rows: { attempts: 3 } },
  },
  'POST /connect/revocation': {
    ask: send('POST', '/connect/revocation', { form: { token: 'x' }, headers: basic('client', 'x') }),
    costs: { rows: { attempts: 3 } },
  },
  'POST /login': {
    ask: onPage(target, count => ({ username: `nobody${count % 5}`, password: 'wrong', button: 'login' })),
    // A record for the audit log, of which a network causes at most 60 in a minute.
    costs: { rows: { attempts: 2, webhookMessages: 1 }, hashes: 1 },
    bound: {
      requests: 1100,
      rows: { attempts: 6, webhookMessages: 60 },
      ...{ refused: 429, served: 302 },
      neighbour: onPage(target, () => ({ username: 'bob', password: 'bob', button: 'login' })),
    },
  },
  'POST /register': {
    ask: onPage('/register?continue=', count => ({ email: `stranger${count}@mail.example` })),
    costs: { rows: { attempts: 2 }, mails: 1 },
    bound: { requests: 60, rows: { attempts: 51, waitingMails: 50 }, refused: 429, served: 200 },
  },
  'POST /password/forgotten': {
    ask: onPage('/password/forgotten', count => ({ username: `stranger${count}@mail.example` })),
    costs: { rows: { attempts: 2 } },
    bound: { requests: 60, rows: { attempts: 51 }, refused: 429, served: 200 },
  },
  'GET /federation/login': {
    ask: async (server, from) => {
      const browser = createBrowser({
        send: (method, path, options) => server.send(method, path, { ...options, from }),
      })
      const page = await browser.visit(target)
      const [, href = ''] = /href="([^"]*federation\/login[^"]*)"/.exec(page.body) ?? []
      return browser.request('GET', href.replaceAll('&amp;', '&'))
    },
    costs: { rows: { upstreamRequests: 1, attempts: 1 }, fetches: 1 },
  },
  'POST /federation/backchannel-logout/corp': {
    ask: (server, from, count) => sendLogoutToken(server, from, count),
    costs: { fetches: 1 },
  },
  'POST /device': {
    ask: onPage('/device', () => ({ user_code: 'BCDF-GHJK' })),
    costs: { rows: { attempts: 1 } },
  },
}

const corp = 'https://corp.example'
const metadataOfCorp = {
  issuer: corp,
  authorization_endpoint: `${corp}/authorize`,
  token_endpoint: `${corp}/token`,
  jwks_uri: `${corp}/jwks`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
}

/** The JSON that a provider responds with; undefined: it can't be reached. */
type Respond = (url: string) => object | undefined
const describeCorp: Respond = url => (url === `${corp}/jwks` ? { keys: [] } : metadataOfCorp)

/** A token with an unknown key id. */
const madeUpToken = (count: number): string =>
  [{ alg: 'RS256', kid: `made-up-${count}` }, { iss: corp }, 'x']
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
const sendLogoutToken: Ask = (server, from, count) =>
  server.send('POST', '/federation/backchannel-logout/corp', {
    form: { logout_token: madeUpToken(count) },
    from,
  })

const endpoints = await everyEndpoint()
const rows = new Map(endpoints.map(endpoint => [endpoint, costly[endpoint] ?? bare(endpoint)]))

async function open(respond: Respond = describeCorp) {
  const tables = emptyTables()
  let fetches = 0
  let mails = 0
  const server = await createTestServer(everything, {
    tenantStores: { ...createMemoryTenantStores(), main: createMemoryStores(tables) },
    outbound: async url => {
      fetches += 1
      const body = respond(String(url))
      return body === undefined
        ? { ok: false, reason: 'outbound_failed', detail: 'ECONNREFUSED' }
        : {
            ok: true,
            status: 200,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          }
    },
    sendMail: async () => {
      mails += 1
    },
  })
  // With stored users, an unknown name costs as much as a known one.
  await addUser(server)
  const measure = () => ({
    rows: Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, table.size])),
    hashes: hashed,
    fetches,
    mails,
    logs: server.logged.length,
  })
  return { server, measure }
}

test('strangers: each row belongs to an endpoint', () => {
  assertCovers(rows.keys(), endpoints, 'endpoint')
  assert.deepEqual(
    Object.keys(costly).filter(endpoint => !endpoints.includes(endpoint)),
    [],
  )
})

const grown = (after: Record<string, number>, before: Record<string, number>) =>
  Object.fromEntries(
    Object.entries(after).flatMap(([name, size]) => {
      const more = size - (before[name] ?? 0)
      return more > 0 ? [[name, more]] : []
    }),
  )

const times = 5
/** A request and each page that it leads to may log a line or two. */
const mostLines = 4

/** Endpoints that look up the `client_id` of a request before the client is authenticated. */
const naming = {
  'GET /connect/authorize': (id: string) => send('GET', authorizePath({ client_id: id })),
  'POST /connect/token': (id: string) => send('POST', '/connect/token', { form: { client_id: id } }),
  'POST /connect/par': (id: string) => send('POST', '/connect/par', { form: { client_id: id } }),
  'POST /connect/introspect': (id: string) =>
    send('POST', '/connect/introspect', { form: { client_id: id, token: 'x' } }),
  'POST /connect/revocation': (id: string) =>
    send('POST', '/connect/revocation', { form: { client_id: id, token: 'x' } }),
  'POST /connect/deviceauthorization': (id: string) =>
    send('POST', '/connect/deviceauthorization', { form: { client_id: id } }),
  'GET /connect/endsession': (id: string) => send('GET', `/connect/endsession?client_id=${id}`),
}

for (const [endpoint, ask] of Object.entries(naming)) {
  test(`unauthenticated requests: ${endpoint} with a made-up URL as client_id costs one fetch and no row`, async () => {
    const { server, measure } = await open()
    const before = measure()
    const hosts = Array.from({ length: times }, (_, index) => `https://made-up-${index}.example/client`)
    for (const url of hosts) await ask(url)(server, '192.0.2.1', 0)
    const after = measure()
    assert.equal(after.fetches - before.fetches, times)
    assert.deepEqual(grown(after.rows, before.rows), {})
    assert.ok(after.logs - before.logs <= mostLines * times)
    // The host of a document is asked less often after each failure.
    for (let count = 0; count < 100; count++)
      await ask(`https://made-up.example/${count}`)(server, '192.0.2.1', count)
    assert.equal(measure().fetches - after.fetches, 5)
    await server.close()
  })
}

for (const [endpoint, { ask, costs, bound }] of rows) {
  test(`unauthenticated requests: ${endpoint} costs no more than its row allows`, async () => {
    const { server, measure } = await open()
    const before = measure()
    for (let count = 0; count < times; count++) await ask(server, '192.0.2.1', count)
    await server.settled()
    const after = measure()
    for (const [table, more] of Object.entries(grown(after.rows, before.rows))) {
      const most = (costs.rows?.[table as keyof Tables] ?? 0) * times
      assert.ok(more <= most, `${times} requests added ${more} rows to ${table}, which may be ${most}`)
    }
    for (const what of ['hashes', 'fetches', 'mails'] as const) {
      const more = after[what] - before[what]
      assert.ok(more <= (costs[what] ?? 0) * times, `${times} requests cost ${more} ${what}`)
    }
    // A row without the cost that it names would prove nothing.
    const reached = grown(after.rows, before.rows)
    for (const table of Object.keys(costs.rows ?? {}))
      assert.ok(reached[table], `nothing was added to ${table}`)
    for (const what of ['hashes', 'fetches', 'mails'] as const)
      assert.equal(after[what] > before[what], costs[what] !== undefined, `${what} were counted`)
    assert.ok(
      after.logs - before.logs <= mostLines * times,
      `${times} requests logged ${after.logs - before.logs} lines`,
    )
    await server.close()
  })

  if (!bound) continue
  test(`unauthenticated requests: ${endpoint} serves other networks after one has used up its share`, async () => {
    const { server, measure } = await open()
    const before = measure()
    let last: Answer | undefined
    for (let count = 0; count < bound.requests; count++) last = await ask(server, '192.0.2.1', count)
    assert.equal(last?.status, bound.refused)
    assert.ok(server.reason())
    const left = grown(measure().rows, before.rows)
    for (const [table, more] of Object.entries(left)) {
      const most: number = bound.rows[table as keyof Tables] ?? 0
      assert.ok(more <= most, `one network left ${more} rows in ${table}, which may be ${most}`)
    }
    const neighbour = bound.neighbour ?? ask
    const { status } = await neighbour(server, '198.51.100.7', bound.requests)
    assert.equal(status, bound.served)
    await server.close()
  })
}

test('strangers: a registration without a row leaves the count of its network, and no record of the audit log', async () => {
  const { server, measure } = await open()
  const before = measure()
  const body = JSON.stringify({ redirect_uris: [callback], token_endpoint_auth_method: 'none' })
  const register = send('POST', '/connect/register', { body, headers: jsonType, form: undefined as never })
  for (let count = 0; count < times; count++) {
    const { json } = await register(server, '192.0.2.1', count)
    assert.match(json.client_id, /^sealed1\./)
  }
  await server.settled()
  assert.deepEqual(grown(measure().rows, before.rows), { attempts: 1 })
  await server.close()
})

test('strangers: long requests leave a limited number of rows, then are carried in the address, and a neighbour is served', async () => {
  const { server, measure } = await open()
  const before = measure()
  const noise = (count: number) => Buffer.from(randomBytes(1500)).toString('base64url') + count
  const long = (count: number) =>
    authorizePath({ client_id: 'page', redirect_uri: callback, scope: 'openid', state: noise(count) })
  const locations: string[] = []
  for (const from of ['192.0.2.1', '198.51.100.7']) {
    for (let count = 0; count < 15; count++) {
      const { status, headers } = await server.send('GET', long(count), { from })
      assert.equal(status, 302)
      locations.push(String(headers.location))
    }
  }
  assert.deepEqual(grown(measure().rows, before.rows), { pushedRequests: 20, attempts: 2 })
  const isLong = locations.map(({ length }) => length > 1700)
  const expected = Array.from({ length: 15 }, (_, count) => count >= 10)
  assert.deepEqual(isLong, [...expected, ...expected])
  for (const location of [locations[0], locations[14]]) {
    const { status } = await server.send('GET', location ?? '')
    assert.equal(status, 200)
  }
  // A POST leaves one row too, which the next pages use.
  const body = long(0).split('?')[1] ?? ''
  const posted = await server.send('POST', '/connect/authorize', { form: body, from: '203.0.113.9' })
  await server.send('GET', String(posted.headers.location), { from: '203.0.113.9' })
  assert.equal(grown(measure().rows, before.rows).pushedRequests, 21)
  server.clock.advance(3601)
  await server.stores.cleanUp(server.clock.now())
  assert.equal(measure().rows.pushedRequests, before.rows.pushedRequests)
  await server.close()
})

test('strangers: a user’s own account leaves a limited number of codes, and a neighbour signs in', async () => {
  const { server, measure } = await open()
  const browser = createBrowser(server)
  await signIn(browser, target)
  const before = measure()
  for (let count = 0; count < 300; count++) await browser.visit(target)
  const after = measure()
  const left = grown(after.rows, before.rows)
  assert.ok((left.codes ?? 0) <= 100 && (left.authorizations ?? 0) <= 100, JSON.stringify(left))
  const others = Object.keys(left).filter(name => name !== 'codes' && name !== 'authorizations')
  assert.deepEqual(others, [])
  assert.deepEqual([after.hashes, after.fetches, after.mails], [before.hashes, before.fetches, before.mails])

  const neighbour = await signIn(createBrowser(server), target, {
    username: 'bob',
    password: 'bob',
    button: 'login',
  })
  assert.match(neighbour.location ?? '', /code=/)
  server.clock.advance(301)
  await server.stores.cleanUp(server.clock.now())
  assert.equal(measure().rows.codes, 0)
  assert.equal(measure().rows.authorizations, 0)
  await server.close()
})

test('strangers: a sign-in with one’s own account leaves a session, and nothing else that lasts', async () => {
  const { server, measure } = await open()
  const before = measure()
  for (let count = 0; count < 20; count++) await signIn(createBrowser(server), target)
  server.clock.advance(601)
  await server.stores.cleanUp(server.clock.now())
  const left = grown(measure().rows, before.rows)
  // A user has at most 1000 sessions at a time.
  // Each sign-in has a record in the audit log, for which it waits here.
  assert.deepEqual(left, { sessions: 20, sessionClients: 20, webhookMessages: 20 })
  await server.close()
})

for (const [state, respond, most] of [
  ['responds', describeCorp, 5],
  ['has no keys', (url: string) => (url === `${corp}/jwks` ? undefined : metadataOfCorp), 11],
  ['is away', () => undefined, 3],
] as const)
  test(`strangers: logout tokens with invented keys send ${most} requests to a provider that ${state}, not one each`, async () => {
    const { server, measure } = await open(respond)
    const before = measure()
    for (let count = 0; count < 30; count++) {
      const { status } = await sendLogoutToken(server, `192.0.2.${count}`, count)
      assert.ok(status === 400 || status === 503, String(status))
      assert.match(String(server.reason()), /^upstream_(logout_token_invalid|unreachable|failed)$/)
    }
    server.clock.advance(6)
    await sendLogoutToken(server, '192.0.2.1', 31)
    const after = measure()
    assert.ok(after.fetches > before.fetches)
    assert.ok(after.fetches - before.fetches <= most, `${after.fetches - before.fetches} requests`)
    assert.deepEqual(grown(after.rows, before.rows), {})
    await server.close()
  })

test('strangers: ignored parts of a request are logged in few short lines, however many there are', async () => {
  const server = await createTestServer({ ...everything, unknown_scopes: 'ignore' })
  const scopes = Array.from({ length: 800 }, (_, index) => `s${index}`)
  const hints = Object.fromEntries(
    ['login_hint', 'ui_locales', 'claims_locales', 'display', 'a', 'b', 'c', 'd'].map(name => [
      name,
      'x'.repeat(5000),
    ]),
  )
  const asked = { ...pushed, ...proof, ...hints, scope: `openid ${scopes.join(' ')}` }
  for (const path of ['/connect/authorize', '/connect/par']) {
    const before = server.logged.length
    const { status } = await server.send('POST', path, { form: asked })
    assert.ok(status === 303 || status === 201, `${status} ${server.reason()}`)
    const lines = server.logged.slice(before).filter(({ event }) => event === 'parameter_ignored')
    assert.equal(lines.length, 4)
    assert.equal(lines[3]?.more, 5)
    assert.ok(JSON.stringify(lines).length < 2000, JSON.stringify(lines))
  }
  const linesFor = async (scope: string) => {
    const before = server.logged.length
    await server.send('POST', '/connect/par', { form: { ...pushed, ...proof, scope } })
    return server.logged.slice(before).filter(({ event }) => event === 'parameter_ignored')
  }
  const [line, second] = await linesFor('openid a b c')
  assert.deepEqual(
    [line?.scope, line?.scopes, line?.reason, second],
    ['a b c', 3, 'scope_unknown', undefined],
  )
  const [long] = await linesFor(`openid ${scopes.join(' ')}`)
  assert.deepEqual([String(long?.scope).length, long?.scopes], [200, 800])
  await server.close()
})
