import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProviderKeys } from '../../packages/server/src/identity/federation/provider-keys.ts'
import { createBrowser } from '../support/browser.ts'
import { finishEnrolment } from '../support/factors.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, assertErrorPage, authorizePath, callback, verifier } from '../support/sign-in.ts'
import { openTenantStores } from '../support/storage.ts'
import { claimsOf, type TestServer } from '../support/tessera.ts'
import {
  federatedWorld,
  foreignProvider,
  signInByProvider,
  startFederated,
  startForeignProvider,
  subOf,
  visitProvider,
} from '../support/upstream.ts'

const provider = foreignProvider()

const atCorp = (changes: Record<string, string | undefined> = {}) =>
  authorizePath({ acr_values: 'idp:corp', scope: 'openid profile', ...changes })

const redeem = async (server: TestServer, code: string | null) => {
  const answer = await server.token({
    grant_type: 'authorization_code',
    client_id: 'web',
    code: code ?? '',
    redirect_uri: callback,
    code_verifier: verifier,
  })
  assert.equal(answer.status, 200, answer.body)
  return claimsOf(answer.json.id_token)
}

test('federation: idp:NAME redirects the browser there directly, and it returns with a code [authorize-012]', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  provider.claims = { sub: 'ada', name: 'Ada', amr: ['pwd', 'otp'], acr: '9', sid: 's' }
  const sent = await browser.visit(
    atCorp({ claims: '{"id_token":{"idp":null}}', login_hint: 'ada', ui_locales: 'de fr', prompt: 'login' }),
  )
  const asked = new URL(sent.location ?? '').searchParams
  assert.equal(asked.get('redirect_uri'), 'https://id.example/federation/callback/corp')
  assert.equal(asked.get('scope'), 'openid profile email')
  assert.equal(asked.get('code_challenge_method'), 'S256')
  assert.equal(asked.get('login_hint'), 'ada')
  assert.equal(asked.get('ui_locales'), 'de fr')
  assert.equal(asked.get('prompt'), 'login')
  assert.match(asked.get('state') ?? '', /^tf_[\w-]{52}$/)
  assert.match(asked.get('nonce') ?? '', /^[\w-]{43}$/)
  const answer = answerOf(await browser.visit(await visitProvider(sent)))
  const claims = await redeem(server, answer.get('code'))
  assert.match(claims.sub, /^fed_[\w-]{43}$/)
  assert.equal(claims.idp, 'corp')
  assert.deepEqual(claims.amr, ['fed'])
  assert.equal(claims.acr, '1')
})

test('federation: users of a provider that has just rotated its keys can sign in [OpenID Connect Core 1.0 §10.1.1]', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  provider.claims = { sub: 'ada' }
  answerOf(await signInByProvider(browser, atCorp()))
  const { kid } = await provider.service.issuer.keys.generate('RS256')
  // The mock alternates its keys: one of these tokens is signed with the new one.
  const kids = new Set<unknown>()
  const note = (token: { header: { kid?: string } }) => void kids.add(token.header.kid)
  provider.service.on('beforeTokenSigning', note)
  for (let time = 0; time < 3; time++) answerOf(await signInByProvider(createBrowser(server), atCorp()))
  provider.service.off('beforeTokenSigning', note)
  assert.ok(kids.has(kid))
})

test('federation: the keys of a provider are fetched at most twice a minute, whatever is requested', async () => {
  let now = 1000
  let fetches = 0
  const keys = createProviderKeys(
    async () => {
      fetches += 1
      return new Response(JSON.stringify({ keys: [], fetches }))
    },
    { now: () => now },
  )
  const get = () => keys.fetch(url, { method: 'GET', headers: {}, body: undefined, redirect: 'manual' })
  const url = 'https://corp.example/jwks'
  assert.equal(keys.recent(url), undefined)
  // Concurrent requests share one fetch.
  await Promise.all([get(), get(), get()])
  assert.equal(fetches, 1)
  for (let time = 0; time < 20; time++) assert.equal((await get()).status, 200)
  assert.equal(fetches, 2)
  assert.equal(keys.recent(url), JSON.stringify({ keys: [], fetches: 2 }))
  now += 60
  for (let time = 0; time < 20; time++) await get()
  assert.equal(fetches, 4)
  now += 300
  assert.equal(keys.recent(url), undefined)
})

test('federation: keys that can’t be fetched are requested at most ten times a minute, however often they are needed', async () => {
  let now = 1000
  let fetches = 0
  let fails = true
  const keys = createProviderKeys(
    async () => {
      fetches += 1
      return new Response('{"keys":[]}', { status: fails ? 500 : 200 })
    },
    { now: () => now },
  )
  const get = () =>
    keys.fetch('https://corp.example/jwks', {
      method: 'GET',
      headers: {},
      body: undefined,
      redirect: 'manual',
    })
  for (let time = 0; time < 30; time++) await assert.rejects(get(), /has status 500/)
  assert.equal(fetches, 10)
  now += 60
  await assert.rejects(get(), /has status 500/)
  fails = false
  assert.equal((await get()).status, 200)
  assert.equal(fetches, 12)
})

test('federation: what is no key set does not replace the keys of a provider', async () => {
  let now = 1000
  let answer: () => Response = () => new Response('{"keys":[{"kid":"1"}]}')
  const keys = createProviderKeys(async () => answer(), { now: () => now })
  const url = 'https://corp.example/jwks'
  const get = async () =>
    (await keys.fetch(url, { method: 'GET', headers: {}, body: undefined, redirect: 'manual' })).text()
  const good = await get()
  for (const body of ['<html>maintenance</html>', '', '[]', 'null', '{}', '{"keys":{}}', '{"keys":[']) {
    answer = () => new Response(body)
    await assert.rejects(get(), /is no key set/, body)
    assert.equal(keys.recent(url), good, body)
  }
  // The attempts in vain do not count as those that are allowed for a key that is not known.
  answer = () => new Response('{"keys":[{"kid":"2"}]}')
  assert.equal(await get(), '{"keys":[{"kid":"2"}]}')
  // Without known keys, the response is refused as well.
  answer = () => new Response('<html>')
  const none = createProviderKeys(async () => answer(), { now: () => (now += 1) })
  const options = { method: 'GET', headers: {}, body: undefined, redirect: 'manual' } as const
  await assert.rejects(none.fetch(url, options), /is no key set/)
  assert.equal(none.recent(url), undefined)
})

test('federation: while the keys of a provider can’t be fetched, earlier ones are used for a day', async () => {
  let now = 1000
  let fails = false
  const keys = createProviderKeys(
    async () => {
      if (fails) throw new TypeError('unreachable')
      return new Response('{"keys":[{"kid":"1"}]}')
    },
    { now: () => now },
  )
  const url = 'https://corp.example/jwks'
  const get = async () =>
    (await keys.fetch(url, { method: 'GET', headers: {}, body: undefined, redirect: 'manual' })).text()
  const good = await get()
  fails = true
  // Recent keys are offered without a fetch: a fetch is for a key that they lack.
  now += 299
  await assert.rejects(get(), /unreachable/)
  now += 1
  // Also while requests are paused after ten failures.
  for (let times = 0; times < 20; times++) assert.equal(await get(), good)
  now += 86_399 - 300
  assert.equal(await get(), good)
  now += 1
  await assert.rejects(get(), /unreachable/)
})

test('federation: the sub is the same at every sign-in, differs by user, provider and issuer, and is never the upstream one', async () => {
  const subs: unknown[] = []
  const world = federatedWorld(provider, {}, [
    { name: 'twin', type: 'oidc', issuer: provider.issuer, client_id: 'tessera' },
  ])
  for (const [idp, sub] of [
    ['corp', '1'],
    ['corp', '1'],
    ['corp', 'web'],
    ['twin', '1'],
  ] as const) {
    const { server, browser } = await startFederated(world)
    provider.claims = { sub }
    answerOf(await signInByProvider(browser, atCorp({ acr_values: `idp:${idp}` })))
    subs.push(subOf(server))
  }
  assert.equal(subs[0], subs[1])
  assert.equal(new Set(subs).size, 3)
  for (const sub of subs) assert.match(String(sub), /^fed_/)
})

test('federation: single sign-on continues without the provider, and prompt=none never redirects there', async () => {
  const { browser } = await startFederated(federatedWorld(provider))
  const silent = await browser.visit(atCorp({ prompt: 'none' }))
  assert.equal(answerOf(silent).get('error'), 'login_required')
  answerOf(await signInByProvider(browser, atCorp()))
  assert.ok(answerOf(await browser.visit(atCorp())).get('code'))
  assert.ok(answerOf(await browser.visit(atCorp({ prompt: 'none' }))).get('code'))
})

for (const [title, own, roles, role] of [
  ['are mapped, and rules apply to them', undefined, ['admin'], 'Admin'],
  ['yield to those of a linked local user', ['viewer'], ['viewer'], 'Viewer'],
  ['yield to an empty list of a linked local user', [], [], 'Viewer'],
] as const)
  test(`federation: groups and roles of a provider's user ${title}`, async () => {
    const world = federatedWorld(provider, {
      ...{ linking: 'verified_email', claim_mapping: { roles: 'their_role' }, list_claims: ['roles'] },
    })
    const claims = [
      ...['roles', { claim: 'role', value: 'Admin', if_role: 'admin' }],
      { claim: 'role', value: 'Viewer' },
    ]
    const address = { email: 'ada@corp.example', email_verified: true }
    const { server, browser } = await startFederated({
      ...world,
      identity_resources: [{ name: 'profile', claims }],
      users: own ? [{ sub: 'local', username: 'ada', roles: own, claims: address }] : [],
    })
    provider.claims = { sub: 'ada', their_role: 'admin', ...address }
    const code =
      answerOf(await signInByProvider(browser, atCorp({ scope: 'openid profile' }))).get('code') ?? ''
    const { json } = await server.token({
      ...{ grant_type: 'authorization_code', client_id: 'web', code },
      ...{ redirect_uri: callback, code_verifier: verifier },
    })
    const headers = { authorization: `Bearer ${json.access_token}` }
    const { sub, ...given } = (await server.send('GET', '/connect/userinfo', { headers })).json
    assert.equal(sub === 'local', own !== undefined)
    assert.deepEqual(given, { roles, role })
  })

test('federation: claims are mapped, read from userinfo if configured, and never replace this server’s own', async () => {
  const settings = {
    userinfo: true,
    claims: ['name', 'email'],
    claim_mapping: { nickname: 'alias', website: 'page' },
  }
  const { server, browser } = await startFederated(federatedWorld(provider, settings))
  provider.claims = {
    ...{ sub: 'ada', name: 'Ada', alias: 'countess', gender: 'female', tenant: 'acme', auth_time: 1 },
    ...{ client_id: 'x', scope: 'everything', sid: 'theirs' },
  }
  provider.service.once('beforeUserinfo', response => {
    response.body = { sub: 'ada', name: 'Not Ada', page: 'https://ada.example' }
  })
  const answer = answerOf(await signInByProvider(browser, atCorp()))
  const token = await server.token({
    grant_type: 'authorization_code',
    client_id: 'web',
    code: answer.get('code') ?? '',
    redirect_uri: callback,
    code_verifier: verifier,
  })
  const userinfo = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${token.json.access_token}` },
  })
  const { sub, ...profile } = userinfo.json
  assert.match(sub, /^fed_/)
  assert.deepEqual(profile, { name: 'Ada', nickname: 'countess', website: 'https://ada.example' })
  assert.equal(claimsOf(token.json.access_token).tenant, undefined)
})

test('federation: userinfo of another user is refused [OpenID Connect Core 1.0 §5.3.2]', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider, { userinfo: true }))
  provider.claims = { sub: 'ada' }
  provider.service.once('beforeUserinfo', response => {
    response.body = { sub: 'eve', name: 'Eve' }
  })
  const page = await signInByProvider(browser, atCorp())
  assert.equal(page.status, 502)
  assert.equal(server.reason(), 'upstream_userinfo_invalid')
})

test('federation: amr and acr of the provider count only if configured', async () => {
  const settings = { trust_amr: true, acr_mapping: { 'urn:corp:strong': 'strong' } }
  const { server, browser } = await startFederated(federatedWorld(provider, settings))
  provider.claims = { sub: 'ada', amr: ['pwd', 'otp', 'x'.repeat(99), 7], acr: 'urn:corp:strong' }
  const sent = await browser.visit(atCorp({ acr_values: 'idp:corp strong other' }))
  assert.equal(new URL(sent.location ?? '').searchParams.get('acr_values'), 'urn:corp:strong')
  const answer = answerOf(await browser.visit(await visitProvider(sent)))
  const claims = await redeem(server, answer.get('code'))
  assert.deepEqual(claims.amr, ['fed', 'pwd', 'otp'])
  assert.equal(claims.acr, 'strong')
})

test('federation: max_age is passed on and enforced: an older sign-in, or one of unknown age, is not accepted', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  const now = server.clock.now()
  provider.claims = { sub: 'ada', auth_time: now - 200 }
  const fresh = answerOf(await signInByProvider(browser, atCorp({ max_age: '300' })))
  assert.equal((await redeem(server, fresh.get('code'))).auth_time, now - 200)
  for (const [auth_time, parameters] of [
    [now - 200, { max_age: '60' }],
    [now - 200, { max_age: '0' }],
    [now - 200, { prompt: 'login' }],
    [undefined, { max_age: '60' }],
  ] as const) {
    provider.claims = { sub: 'ada', ...(auth_time !== undefined && { auth_time }) }
    const page = await signInByProvider(createBrowser(server), atCorp(parameters))
    assert.equal(page.status, 502, JSON.stringify(parameters))
    assert.equal(server.reason(), 'upstream_sign_in_too_old')
  }
  provider.claims = { sub: 'ada' }
  assert.ok(answerOf(await signInByProvider(createBrowser(server), atCorp({ prompt: 'login' }))).get('code'))
})

test('federation: select_account with an old upstream session passes once and does not loop', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  provider.claims = { sub: 'ada', auth_time: server.clock.now() - 5000 }
  assert.ok(answerOf(await signInByProvider(browser, atCorp({ prompt: 'select_account' }))).get('code'))
})

test('federation: a form_post response comes back through the browser [Form Post Response Mode 1.0]', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider, { response_mode: 'form_post' }))
  const sent = await browser.visit(atCorp())
  assert.equal(new URL(sent.location ?? '').searchParams.get('response_mode'), 'form_post')
  const [path = '', form = ''] = (await visitProvider(sent)).split('?')
  // A cross-site post: without our cookies.
  const posted = await server.send('POST', path, { form })
  assert.equal(posted.status, 303)
  assert.ok(answerOf(await browser.visit(String(posted.headers.location))).get('code'))
})

test('federation: a user who refuses there returns to the client, or to the choice if there is one', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  const refuseThere = async (target: string) => {
    provider.service.once('beforeAuthorizeRedirect', ({ url }) => {
      url.searchParams.delete('code')
      url.searchParams.set('error', 'access_denied')
    })
    return signInByProvider(browser, target)
  }
  assert.equal(answerOf(await refuseThere(atCorp())).get('error'), 'access_denied')
  assert.equal(server.logged.filter(one => one.event === 'refused')[0]?.reason, 'upstream_access_denied')
  const choice = await browser.visit(authorizePath())
  const way = /href="([^"]*)">Sign in with Corp/.exec(choice.body)?.[1] ?? ''
  const back = await refuseThere(way)
  assert.ok(back.target.startsWith('/login'), back.text)
  assert.match(back.body, /name="password"/)
})

test('federation: if it is the only sign-in option, a user who refuses there returns to the client, and no page redirects again', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  const target = authorizePath({ client_id: 'nolocal' })
  for (const [error, status] of [
    ['access_denied', 302],
    ['server_error', 502],
  ] as const) {
    provider.service.once('beforeAuthorizeRedirect', ({ url }) => {
      url.searchParams.delete('code')
      url.searchParams.set('error', error)
    })
    const page = await signInByProvider(browser, target)
    assert.equal(page.status, status, page.text)
    if (status === 302) assert.equal(answerOf(page).get('error'), 'access_denied')
    else assert.equal([...page.body.matchAll(/<a class="button" href=/g)].length, 2, page.text)
  }
  assert.equal(server.reason(), 'upstream_refused')
})

test('federation: a huge max_age is passed on as a number that others can parse', async () => {
  const { browser } = await startFederated(federatedWorld(provider))
  const sent = await browser.visit(atCorp({ max_age: '9'.repeat(30) }))
  assert.equal(new URL(sent.location ?? '').searchParams.get('max_age'), String(2 ** 31))
})

test('federation: parameters of the request override those that the client registered', async () => {
  const world = federatedWorld(provider)
  const { browser } = await startFederated({
    ...world,
    clients: world.clients.map(client =>
      client.client_id === 'web' ? { ...client, default_acr_values: ['idp:corp'] } : client,
    ),
  })
  assert.ok((await browser.visit(authorizePath())).location?.startsWith(provider.issuer))
  const asked = await browser.visit(authorizePath({ acr_values: 'idp:local' }))
  assert.ok(asked.target.startsWith('/login'), asked.target)
})

test('federation: other errors there show a page with links back, to another option and to try again', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  const choice = await browser.visit(authorizePath())
  const way = /href="([^"]*)">Sign in with Corp/.exec(choice.body)?.[1] ?? ''
  provider.service.once('beforeAuthorizeRedirect', ({ url }) => {
    url.searchParams.delete('code')
    url.searchParams.set('error', 'server_error')
    url.searchParams.set('error_description', '<b>no</b>')
  })
  const page = await signInByProvider(browser, way)
  assert.equal(page.status, 502)
  assert.equal(server.reason(), 'upstream_refused')
  assert.match(page.text, /Sign-in with Corp didn’t work/)
  assert.doesNotMatch(page.body, /<b>no/)
  const links = [...page.body.matchAll(/<a class="button" href="([^"]*)"/g)].map(([, href = '']) => href)
  assert.equal(links.length, 3)
  const [again = '', others = '', back = ''] = links
  assert.match((await browser.visit(others)).body, /name="password"/)
  assert.equal(answerOf(await browser.visit(back)).get('error'), 'access_denied')
  assert.ok(answerOf(await signInByProvider(browser, again)).get('code'))
})

test('federation: a single remaining sign-in option is used without a page', async () => {
  const { browser } = await startFederated(federatedWorld(provider))
  const nolocal = authorizePath({ client_id: 'nolocal' })
  assert.ok(answerOf(await signInByProvider(browser, nolocal)).get('code'))
  // The client accepts a session of this provider, and not a local one.
  assert.ok(answerOf(await browser.visit(nolocal)).get('code'))
})

test('federation: without a local option, the page lists the providers', async () => {
  const others = [
    { name: 'other', display_name: 'Other', type: 'oidc', issuer: provider.issuer, client_id: 'x' },
    { name: 'forbidden', type: 'oidc', issuer: provider.issuer, client_id: 'x' },
    { name: 'acmes', type: 'oidc', issuer: provider.issuer, client_id: 'x', tenants: ['acme'] },
  ]
  const world = federatedWorld(provider, {}, others)
  const clients = world.clients.map(client =>
    client.client_id === 'nolocal'
      ? { ...client, identity_provider_restrictions: ['corp', 'other', 'acmes'] }
      : client,
  )
  const { browser } = await startFederated({ ...world, clients })
  const page = await browser.visit(authorizePath({ client_id: 'nolocal' }))
  assert.match(page.text, /Sign in with Corp Sign in with Other/)
  assert.doesNotMatch(page.text, /forbidden|acmes/)
  assert.doesNotMatch(page.body, /name="(username|password)"/)
  const acme = authorizePath({ client_id: 'nolocal', acr_values: 'tenant:acme' })
  assert.match((await browser.visit(acme)).text, /Sign in with acmes/)
  const [, way = ''] = /href="([^"]*)">Sign in with Other/.exec(page.body) ?? []
  assert.ok(answerOf(await signInByProvider(browser, way)).get('code'))
})

test('federation: a provider of a tenant is unavailable to another, and without a tenant', async () => {
  const { browser } = await startFederated(federatedWorld(provider, { tenants: ['acme'] }))
  assert.match((await browser.visit(atCorp())).body, /name="password"/)
  assert.match(
    (await browser.visit(atCorp({ acr_values: 'idp:corp tenant:globex' }))).body,
    /name="password"/,
  )
  const acme = atCorp({ acr_values: 'idp:corp tenant:acme' })
  assert.ok(answerOf(await signInByProvider(browser, acme)).get('code'))
  // A session of one tenant does not count in another.
  assert.ok((await browser.visit(authorizePath())).target.startsWith('/login'))
})

test('federation: if domains select providers, the name is asked first', async () => {
  const { browser } = await startFederated(federatedWorld(provider, { domains: ['corp.example'] }))
  const first = await browser.visit(authorizePath())
  assert.match(first.body, /name="username"/)
  assert.doesNotMatch(first.body, /name="password"/)
  const local = await browser.submit(first, { username: 'alice', button: 'next' })
  assert.equal(local.form?.fields.username, 'alice')
  const signedIn = await browser.submit(local, { username: 'alice', password: 'wonderland', button: 'login' })
  assert.ok(answerOf(signedIn).get('code'))

  const person = createBrowser(
    (await startFederated(federatedWorld(provider, { domains: ['corp.example'] }))).server,
  )
  const again = await person.visit(authorizePath())
  const leaving = await person.submit(again, { username: 'Ada@Corp.Example', button: 'next' })
  const [, href = ''] = /^0; url=(.*)$/.exec(String(leaving.headers.refresh)) ?? []
  assert.ok(leaving.body.includes(`href="${href}"`))
  const sent = await person.visit(href)
  assert.equal(new URL(sent.location ?? '').searchParams.get('login_hint'), 'Ada@Corp.Example')
  assert.ok(answerOf(await person.visit(await visitProvider(sent))).get('code'))
})

test('federation: a login_hint of such a domain redirects there immediately', async () => {
  const { browser } = await startFederated(federatedWorld(provider, { domains: ['corp.example'] }))
  const target = authorizePath({ login_hint: 'ada@corp.example' })
  assert.ok(answerOf(await signInByProvider(browser, target)).get('code'))
  const elsewhere = await createBrowser((await startFederated(federatedWorld(provider))).server).visit(target)
  assert.match(elsewhere.body, /name="password"/)
})

test('federation: a device can be approved after a sign-in at a provider', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  const device = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } })
  const entered = await browser.submit(await browser.visit(`/device?user_code=${device.json.user_code}`), {})
  const [, way = ''] = /href="([^"]*)">Sign in with Corp/.exec(entered.body) ?? []
  const asked = await signInByProvider(browser, way)
  assert.match((await browser.submit(asked, { button: 'yes' })).text, /Device connected/)
})

test('federation: idp:NAME of an OpenID provider is invalid_request at the password grant', async () => {
  const { server } = await startFederated({
    ...federatedWorld(provider),
    clients: [
      { client_id: 'direct', client_secrets: [{ value: 's' }], grant_types: ['password'], scope: 'api1' },
    ],
  })
  const form = { grant_type: 'password', username: 'alice', password: 'wonderland', acr_values: 'idp:corp' }
  const answer = await server.token(form, { client: ['direct', 's'] })
  assertRefused(answer, 'invalid_request', 'provider_without_passwords')
})

test('federation: a federated user can open an account page', async () => {
  const { browser } = await startFederated(federatedWorld(provider))
  provider.claims = { sub: 'ada', name: 'Ada', email: 'ada@corp.example', email_verified: true }
  const choice = await browser.visit('/account')
  const [, way = ''] = /href="([^"]*)">Sign in with Corp/.exec(choice.body) ?? []
  const account = await signInByProvider(browser, way)
  assert.equal(account.status, 200)
  assert.match(account.text, /Ada/)
})

test('federation: an unreachable provider shows a page, affects nothing else and is retried', async () => {
  const away = await startForeignProvider()
  const port = Number(new URL(away.issuer).port)
  await away.close()
  const { server, browser } = await startFederated(federatedWorld(away))
  const page = await browser.visit(atCorp())
  assert.equal(page.status, 503)
  assert.equal(server.reason(), 'upstream_unreachable')
  assert.match((await browser.visit(authorizePath())).body, /name="password"/)
  const { OAuth2Server } = await import('oauth2-mock-server')
  const back = new OAuth2Server()
  await back.issuer.keys.generate('RS256')
  await back.start(port, '127.0.0.1')
  assert.ok(answerOf(await signInByProvider(browser, atCorp())).get('code'))
  await back.stop()
})

test('federation: a provider in a private network is called only if the configuration allows it', async () => {
  const { server, browser } = await startFederated({ ...federatedWorld(provider), outbound: {} })
  assert.equal((await browser.visit(atCorp())).status, 503)
  assert.equal(server.logged.findLast(one => one.event === 'refused')?.outbound, 'outbound_address_private')
})

test('federation: a changed continuation of the login page is refused without a redirect', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  for (const sealed of ['', 'x', 'x.y']) {
    assertErrorPage(await browser.visit(`/federation/login?continue=${sealed}`), 'invalid_request')
    assert.equal(server.reason(), 'continuation_invalid')
  }
})

test('federation: a browser that is at the provider can return to a restarted server', async () => {
  const tenantStores = await openTenantStores()
  const first = await startFederated(federatedWorld(provider), tenantStores)
  const answer = await visitProvider(await first.browser.visit(atCorp()))
  const { browser } = await startFederated(federatedWorld(provider), tenantStores)
  for (const [name, value] of first.browser.cookies) browser.cookies.set(name, value)
  assert.ok(answerOf(await browser.visit(answer)).get('code'))
})

test('federation: a user whose upstream sign-in is old sets up a second factor if one is required', async () => {
  const world = { ...federatedWorld(provider), mfa: { mode: 'required' } }
  const { server, browser } = await startFederated(world)
  provider.claims = { sub: 'ada', auth_time: server.clock.now() - 5000, acr: 'phr' }
  const sent = await browser.visit(atCorp())
  const asked = await browser.visit(await visitProvider(sent))
  const { page } = await finishEnrolment(server, browser, asked)
  const claims = await redeem(server, answerOf(page).get('code'))
  // The provider's `phr` is not this server's own.
  assert.deepEqual([claims.acr, claims.amr.at(-1)], ['2', 'mfa'])
})
