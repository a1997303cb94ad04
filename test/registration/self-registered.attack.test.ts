/**
 * Self-registered clients: where they redirect browsers, how they keep a place, and in whose name (RFC 9700 §4.11.2).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { bearer, jsonType, manage, register } from '../support/registering.ts'
import { answerOf, assertErrorPage, authorizePath, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { federatedWorld, foreignProvider, signInByProvider, startFederated } from '../support/upstream.ts'

const trap = 'https://trap.example/cb'
const page = {
  token_endpoint_auth_method: 'none',
  redirect_uris: [trap],
  scope: 'openid',
  client_name: 'Shop',
}
const open = (registration: object = {}, more: object = {}) =>
  createTestServer({ ...pagesWorld, ...more, registration: { mode: 'open', ...registration } })
const registered = async (server: TestServer, metadata: object = page, headers = {}) =>
  (await register(server, metadata, headers)).json
const requestOf = (client: { client_id: string }, changes = {}) =>
  authorizePath({ client_id: client.client_id, redirect_uri: trap, scope: 'openid', ...changes })

for (const [what, changes, error] of [
  ['an unknown scope', { scope: 'nonsense' }, 'invalid_scope'],
  ['an unsupported response type', { response_type: 'token' }, 'unsupported_response_type'],
  ['a response mode that posts a form', { scope: 'nonsense', response_mode: 'form_post' }, 'invalid_scope'],
  ['a response mode in the fragment', { scope: 'nonsense', response_mode: 'fragment' }, 'invalid_scope'],
  ['a malformed request object', { request: 'x' }, 'invalid_request_object'],
  ['a request that is too long', { acr_values: 'x'.repeat(30_000) }, 'invalid_request'],
] as const) {
  test(`attack: ${what} does not redirect a browser to an untrusted client [RFC 9700 §4.11.2]`, async () => {
    const server = await open()
    const client = await registered(server)
    assertErrorPage(await createBrowser(server).visit(requestOf(client, changes)), error)
    assert.ok(server.reason())

    // A user who is signed in elsewhere did not consent to this client either.
    const browser = createBrowser(server)
    await signIn(browser, authorizePath())
    assertErrorPage(await browser.visit(requestOf(client, changes)), error)
    const posted = await browser.request('POST', '/connect/authorize', {
      form: requestOf(client, changes).split('?')[1] ?? '',
    })
    assertErrorPage(posted, error)
  })
}

test('authorize: an error redirects to an untrusted client only after the user has signed in to it', async () => {
  const server = await open()
  const client = await registered(server)
  const browser = createBrowser(server)
  await browser.submit(await signIn(browser, requestOf(client)), { button: 'yes' })
  const answer = answerOf(await browser.visit(requestOf(client, { scope: 'nonsense' })), trap)
  assert.equal(answer.get('error'), 'invalid_scope')
})

test('authorize: prompt=none and requests in a frame always redirect to the client [OpenID Connect Core 1.0 §3.1.2.6]', async () => {
  const server = await open()
  const client = await registered(server)
  const silent = await createBrowser(server).visit(requestOf(client, { prompt: 'none' }))
  assert.equal(answerOf(silent, trap).get('error'), 'login_required')
  const faulty = requestOf(client, { prompt: 'none', scope: 'nonsense' })
  assert.equal(answerOf(await createBrowser(server).visit(faulty), trap).get('error'), 'invalid_scope')
  const other = requestOf(client, { prompt: 'nonexistent', scope: 'nonsense' })
  assertErrorPage(await createBrowser(server).visit(other), 'invalid_scope')
  const framed = await createBrowser(server).request('GET', requestOf(client, { scope: 'nonsense' }), {
    headers: { 'sec-fetch-dest': 'iframe' },
  })
  assert.equal(answerOf(framed, trap).get('error'), 'invalid_scope')
  const top = await createBrowser(server).request('GET', requestOf(client, { scope: 'nonsense' }), {
    headers: { 'sec-fetch-dest': 'document' },
  })
  assertErrorPage(top, 'invalid_scope')
})

test('authorize: an error redirects to configured clients, and to those with an initial access token', async () => {
  const server = await createTestServer({
    ...pagesWorld,
    registration: {
      mode: 'initial_access_token',
      initial_access_tokens: [{ value: 'a-token-of-the-operator' }],
    },
  })
  const trusted = await registered(server, page, bearer('a-token-of-the-operator'))
  for (const target of [authorizePath({ scope: 'nonsense' }), requestOf(trusted, { scope: 'nonsense' })]) {
    const { location } = await createBrowser(server).visit(target)
    assert.match(location ?? '', /error=invalid_scope/)
  }
  // An update keeps it.
  const updated = (await manage(server, 'PUT', trusted, { ...page, client_id: trusted.client_id })).json
  const { location } = await createBrowser(server).visit(requestOf(updated, { scope: 'nonsense' }))
  assert.match(location ?? '', /error=invalid_scope/)
})

test('authorize: cancel and refusal redirect to the client, only in the same browser [RFC 9700 §4.11.2]', async () => {
  const server = await open()
  const client = await registered(server)
  const browser = createBrowser(server)
  const login = await browser.visit(requestOf(client))
  const cancelled = await browser.request('POST', login.form?.action ?? '', {
    form: { ...login.form?.fields, button: 'cancel' },
  })
  const back = await browser.visit(cancelled.location ?? '')
  assert.equal(answerOf(back, trap).get('error'), 'access_denied')
  assert.equal(server.reason(), 'login_refused_by_user')
  // The address of the intermediate page can be sent to others.
  assertErrorPage(await createBrowser(server).visit(cancelled.location ?? ''), 'access_denied')

  const consent = await signIn(browser, requestOf(client))
  const refused = await browser.request('POST', consent.form?.action ?? '', {
    form: { ...consent.form?.fields, button: 'no' },
  })
  assert.equal(answerOf(await browser.visit(refused.location ?? ''), trap).get('error'), 'access_denied')
  assert.equal(server.reason(), 'consent_refused_by_user')
  assertErrorPage(await createBrowser(server).visit(refused.location ?? ''), 'access_denied')
})

test('attack: the networks of one /48 share a limit for registrations', async () => {
  const server = await open({ max_requests_per_hour: 10 })
  const from = (address: string) =>
    server.send('POST', '/connect/register', { headers: jsonType, body: JSON.stringify(page), from: address })
  let made = 0
  for (let subnet = 0; subnet < 30; subnet++)
    for (let tries = 0; tries < 5; tries++)
      if ((await from(`2001:db8:7:${(subnet * 300).toString(16)}::1`)).status === 201) made++
  assert.equal(made, 40)
  assert.equal(server.reason(), 'registrations_too_often')
  assert.equal((await from('2001:db8:8::1')).status, 201)
  assert.equal((await from('192.0.2.1')).status, 201)
})

test('attack: registrations that a full server refuses count, because their URLs were fetched', async () => {
  let fetches = 0
  const limits = { max_clients: 3, max_requests_per_hour: 10, unused_client_lifetime: 0 }
  const server = await createTestServer(
    { ...pagesWorld, registration: { mode: 'open', ...limits } },
    {
      outbound: async () => {
        fetches += 1
        const body = JSON.stringify(page.redirect_uris)
        return { ok: true, status: 200, headers: { 'content-type': 'application/json' }, body }
      },
    },
  )
  const pairwise = { ...page, subject_type: 'pairwise', sector_identifier_uri: 'https://victim.example/uris' }
  const statuses: number[] = []
  for (let count = 0; count < 15; count++) statuses.push((await register(server, pairwise)).status)
  assert.deepEqual(statuses, [...Array(3).fill(201), ...Array(7).fill(503), ...Array(5).fill(429)])
  assert.equal(fetches, 10)
})

test('attack: unused clients take no place from new ones, and used clients keep theirs', async () => {
  const server = await open({ max_clients: 5, max_requests_per_hour: 1000, unused_client_lifetime: 0 })
  const honest = await registered(server)
  const browser = createBrowser(server)
  await browser.submit(await signIn(browser, requestOf(honest)), { button: 'yes' })
  const flood: any[] = []
  for (let count = 0; count < 4; count++) flood.push(await registered(server))
  // A visit does not count as use.
  for (const client of flood) await createBrowser(server).visit(requestOf(client))

  assert.equal((await register(server, page)).status, 503)
  assert.equal(server.reason(), 'registered_clients_full')
  server.clock.advance(119)
  assert.equal((await register(server, page)).status, 503)
  server.clock.advance(1)
  const late = await register(server, page)
  assert.equal(late.status, 201)
  const knows = async ({ client_id }: { client_id: string }) =>
    (await createBrowser(server).visit(requestOf({ client_id }))).status === 200
  assert.equal(await knows(flood[0]), false)
  for (const client of [honest, ...flood.slice(1), late.json]) assert.equal(await knows(client), true)
  server.clock.advance(3600)
  for (let count = 0; count < 10; count++) await register(server, page)
  assert.equal(await knows(honest), true)
})

/** Signs the user in at the client and returns its tokens. */
async function use(server: TestServer, { client_id }: { client_id: string }) {
  const browser = createBrowser(server)
  const asked = await signIn(browser, requestOf({ client_id }))
  // Earlier consent is remembered.
  const done = asked.form ? await browser.submit(asked, { button: 'yes' }) : asked
  const code = answerOf(done, trap).get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: trap, code_verifier: verifier }
  return (await server.token({ ...form, client_id })).json
}

const named = (username: string) => ({ username, password: 'a password of theirs', button: 'login' })

test('attack: accounts that sign in at their own clients neither keep others from registering nor cost them their clients', async () => {
  const attackers = ['mallory', 'trudy', 'oscar']
  const honest = ['alice', 'bob', 'carol']
  const users = [...attackers, ...honest].map(username => ({
    sub: username,
    username,
    password: named(username).password,
    claims: {},
  }))
  const limits = { max_clients: 12, max_requests_per_hour: 1000, unused_client_lifetime: 0 }
  const server = await open(limits, { users })
  const visit = async ({ client_id }: { client_id: string }, ...usernames: readonly string[]) => {
    for (const username of usernames) {
      const browser = createBrowser(server)
      await browser.submit(await signIn(browser, requestOf({ client_id }), named(username)), {
        button: 'yes',
      })
    }
    const find = async () => server.stores.registeredClients.find(client_id)
    await until('the use is recorded', async () => (await find())?.used_at !== undefined)
  }
  const shared = await registered(server)
  await visit(shared, 'alice', 'bob')
  const own = await registered(server)
  await visit(own, 'bob')

  /** Registers and signs in, with two accounts each time, until registration fails or this many are there. */
  const attack = async (most: number) => {
    for (let count = 0; count < most; count++) {
      const { status, json } = await register(server, page)
      if (status !== 201) return
      await visit(json, attackers[count % 3]!, attackers[(count + 1) % 3]!)
      server.clock.advance(1)
    }
  }
  await attack(20)
  const late: any[] = []
  for (let count = 0; count < 3; count++) {
    const { status, json } = await register(server, page)
    assert.equal(status, 201)
    late.push(json)
    await visit(json, honest[count]!)
    await attack(5)
  }
  const knows = async ({ client_id }: { client_id: string }) =>
    (await server.stores.registeredClients.find(client_id)) !== undefined
  for (const client of [shared, own, ...late]) assert.equal(await knows(client), true)
})

test('attack: seventy registrations for each client in use, from as many networks, block no one', async () => {
  const server = await open({ max_unused_clients: 20 })
  const inUse: any[] = []
  for (let count = 0; count < 10; count++) {
    const client = await registered(server)
    await use(server, client)
    inUse.push(client)
  }
  const flood: any[] = []
  for (let count = 0; count < 700; count++) {
    const body = JSON.stringify(page)
    const from = `192.0.${count % 250}.${Math.floor(count / 250)}`
    const { status, json } = await server.send('POST', '/connect/register', { headers: jsonType, body, from })
    assert.equal(status, 201)
    flood.push(json)
    server.clock.advance(10)
  }
  for (const client of inUse) assert.ok((await use(server, client)).access_token)
  // A client that registers during the flood has time for a sign-in.
  assert.ok((await use(server, flood.at(-12))).access_token)
  const found = await Promise.all(
    flood.map(({ client_id }) => server.stores.registeredClients.find(client_id)),
  )
  assert.equal(found.filter(client => client !== undefined).length, 20)
})

test('authorize: a client whose registration was deleted leads to a page that says what to do', async () => {
  const server = await open({ max_unused_clients: 1 })
  const gone = await registered(server)
  server.clock.advance(200)
  await registered(server)
  const answer = await createBrowser(server).visit(requestOf(gone))
  assertErrorPage(answer, 'unauthorized_client')
  assert.equal(server.reason(), 'registered_client_unknown')
  assert.match(answer.text, /no longer known/)
  assert.match(answer.text, /remove its connection/i)
  // The client gets an error that tells it to register again.
  const form = { grant_type: 'refresh_token', refresh_token: 'x', client_id: gone.client_id }
  const { status, json } = await server.token(form)
  assert.deepEqual([status, json.error], [401, 'invalid_client'])
  // An id that registration never creates gets another response.
  const other = await createBrowser(server).visit(requestOf({ client_id: 'nobody' }))
  assertErrorPage(other, 'unauthorized_client')
  assert.equal(server.reason(), 'client_unknown')
  assert.doesNotMatch(other.text, /no longer known/)
})

test('attack: no page loads the logo of an untrusted client, in any language', async () => {
  const token = 'an-initial-access-token'
  const logos = { logo_uri: 'https://track.example/logo.png', 'logo_uri#de': 'https://track.example/de.png' }
  for (const [mode, isShown] of [
    ['open', false],
    ['initial_access_token', true],
  ] as const) {
    const server = await open({ mode, initial_access_tokens: isShown ? [{ value: token }] : [] })
    const client = await registered(server, { ...page, ...logos }, isShown ? bearer(token) : {})
    const browser = createBrowser(server)
    const request = requestOf(client, { ui_locales: 'de' })
    const login = await browser.visit(request)
    const consent = await signIn(browser, request)
    for (const shown of [login, consent]) {
      const policy = String(shown.headers['content-security-policy'])
      assert.equal(/track\.example/.test(shown.body + policy), isShown, `${mode} ${shown.target}`)
    }
  }
})

test('consent: consent is requested again after a registered client changes its name, logo or host', async () => {
  for (const change of [
    { client_name: 'Your Bank' },
    { 'client_name#de': 'Ihre Bank' },
    { logo_uri: 'https://trap.example/logo.png' },
    { redirect_uris: ['https://other.example/cb'] },
    { redirect_uris: ['https://trap.example:8443/cb'] },
  ]) {
    const { redirect_uris: [after = ''] = [trap] } = change as Partial<typeof page>
    const server = await open()
    const client = await registered(server)
    const browser = createBrowser(server)
    await browser.submit(await signIn(browser, requestOf(client)), { button: 'yes', remember: 'yes' })
    const silently = async (redirect_uri = trap) =>
      answerOf(await browser.visit(requestOf(client, { prompt: 'none', redirect_uri })), redirect_uri).get(
        'error',
      )
    assert.equal(await silently(), null)

    server.clock.advance(10)
    const same = (
      await manage(server, 'PUT', client, { ...page, client_id: client.client_id, contacts: ['a@b.example'] })
    ).json
    assert.equal(await silently(), null)
    await manage(server, 'PUT', same, { ...page, ...change, client_id: client.client_id })
    assert.equal(await silently(after), 'consent_required', JSON.stringify(change))
    const asked = await browser.visit(requestOf(client, { redirect_uri: after }))
    server.clock.advance(1)
    assert.ok(answerOf(await browser.submit(asked, { button: 'yes', remember: 'yes' }), after).get('code'))
    assert.equal(await silently(after), null)
  }
})

test('attack: a response for one host of a client does not count for another', async () => {
  const honest = 'https://honest.example/cb'
  const server = await open()
  const client = await registered(server, { ...page, redirect_uris: [honest, trap] })
  const browser = createBrowser(server)
  const asked = await signIn(browser, requestOf(client, { redirect_uri: honest }))
  assert.match(asked.text, /is sent to honest\.example/)
  assert.doesNotMatch(asked.body, /name="remember"/)
  assert.ok(answerOf(await browser.submit(asked, { button: 'yes', remember: 'yes' }), honest).get('code'))
  const silent = answerOf(await browser.visit(requestOf(client, { prompt: 'none' })), trap)
  assert.equal(silent.get('error'), 'consent_required')
  assert.match((await browser.visit(requestOf(client))).text, /is sent to trap\.example/)
})

test('consent: consent for a client with one host and loopback ports is remembered', async () => {
  for (const redirect_uris of [
    [trap, 'https://trap.example/other'],
    ['http://127.0.0.1/cb', 'http://localhost:3000/cb', 'http://[::1]/cb'],
  ]) {
    const server = await open()
    const client = await registered(server, { ...page, redirect_uris })
    const browser = createBrowser(server)
    const [first = '', second = ''] = redirect_uris
    const asked = await signIn(browser, requestOf(client, { redirect_uri: first }))
    await browser.submit(asked, { button: 'yes', remember: 'yes' })
    const silent = await browser.visit(requestOf(client, { redirect_uri: second, prompt: 'none' }))
    assert.ok(answerOf(silent, second).get('code'))
  }
})

test('attack: if a client is updated while the user reads, the user’s consent does not cover the update', async () => {
  const server = await open()
  const client = await registered(server)
  const browser = createBrowser(server)
  const shop = await signIn(browser, requestOf(client))
  await manage(server, 'PUT', client, { ...page, client_name: 'Your Bank', client_id: client.client_id })
  const bank = await browser.submit(shop, { button: 'yes' })
  assert.equal(bank.status, 200)
  assert.match(bank.text, /Your Bank/)
  assert.ok(answerOf(await browser.submit(bank, { button: 'yes' }), trap).get('code'))
})

test('attack: another user’s ID token does not redirect a visitor from the sign-out to an untrusted client [RFC 9700 §4.11.2]', async () => {
  const server = await open()
  const bye = 'https://trap.example/bye'
  const client = await registered(server, { ...page, post_logout_redirect_uris: [bye] })
  const browser = createBrowser(server)
  const signedIn = await browser.submit(await signIn(browser, requestOf(client)), { button: 'yes' })
  const { json } = await server.token({
    ...{ grant_type: 'authorization_code', client_id: client.client_id, redirect_uri: trap },
    ...{ code: answerOf(signedIn, trap).get('code') ?? '', code_verifier: verifier },
  })
  const query = new URLSearchParams({ id_token_hint: json.id_token, post_logout_redirect_uri: bye })
  const target = `/connect/endsession?${query}`
  const visitor = await createBrowser(server).visit(target)
  assert.equal(visitor.status, 200)
  assert.equal(visitor.headers.refresh, undefined)

  // The user who signs out is redirected, and nobody else by the same address.
  const start = await browser.request('GET', target)
  const done = await browser.request('GET', start.location ?? '')
  const elsewhere = await createBrowser(server).visit(done.location ?? '')
  assert.equal(elsewhere.status, 200)
  assert.equal(elsewhere.headers.refresh, undefined)
  assert.equal((await browser.request('GET', done.location ?? '')).location, bye)
})

const provider = foreignProvider({ sub: 'ada' })

test('attack: a provider that refuses without a page does not redirect a browser to an untrusted client [RFC 9700 §4.11.2]', async () => {
  const { server } = await startFederated({
    ...federatedWorld(provider),
    registration: { mode: 'open' },
  })
  const client = await registered(server)
  const refuseThere = async (target: string) => {
    provider.service.once('beforeAuthorizeRedirect', ({ url }) => {
      url.searchParams.delete('code')
      url.searchParams.set('error', 'access_denied')
    })
    return signInByProvider(createBrowser(server), target)
  }
  const shown = await refuseThere(requestOf(client, { acr_values: 'idp:corp' }))
  assert.equal(shown.location, undefined)
  assert.equal(shown.status, 403)
  assert.equal(server.reason(), 'upstream_access_denied')
  // The page has a link to the client, which the user may follow.
  assert.match(shown.body, /href="\/connect\/authorize\/callback\?continue=/)
  const known = await refuseThere(authorizePath({ acr_values: 'idp:corp' }))
  assert.equal(answerOf(known).get('error'), 'access_denied')
})

for (const software_statement of [' ', '\t', [], {}, { a: '' }]) {
  test(`attack: a software statement of ${JSON.stringify(software_statement)} does not make a client trusted [RFC 7591 §2.3]`, async () => {
    const server = await open()
    const client = await registered(server, { ...page, software_statement })
    assert.equal(client.software_statement, undefined)
    assertErrorPage(
      await createBrowser(server).visit(requestOf(client, { scope: 'nonsense' })),
      'invalid_scope',
    )
    const updated = await manage(server, 'PUT', client, {
      ...page,
      client_id: client.client_id,
      software_statement,
    })
    assert.equal(updated.status, 200)
    assertErrorPage(
      await createBrowser(server).visit(requestOf(client, { scope: 'nonsense' })),
      'invalid_scope',
    )
  })
}
