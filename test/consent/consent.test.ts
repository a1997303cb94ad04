import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import {
  alice,
  answerOf,
  assertErrorPage,
  authorizePath,
  callback,
  pagesWorld,
  signIn,
  verifier,
} from '../support/sign-in.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'

const asking = authorizePath({ client_id: 'asking' })

async function startSignedIn() {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  answerOf(await signIn(browser, authorizePath()))
  return { server, browser }
}

test('consent: the page shows client, user and scopes with the operator’s texts [consent-001] [consent-002]', async () => {
  const { browser } = await startSignedIn()
  const page = await browser.visit(asking)
  assert.ok(page.target.startsWith('/consent'))
  assert.match(page.text, /Allow Asking\?/)
  assert.match(page.text, /Read your <orders>/)
  assert.match(page.text, /Signed in as alice/)
  assert.doesNotMatch(page.body, /<orders>|<script/)
})

test('consent: a user who agrees is sent back with a code and not asked again [consent-003]', async () => {
  const { browser } = await startSignedIn()
  assert.ok(answerOf(await browser.submit(await browser.visit(asking), { button: 'yes' })).get('code'))
  assert.ok(answerOf(await browser.request('GET', asking)).get('code'))
})

test('consent: a wider scope is asked for, and earlier consent remains', async () => {
  const { browser } = await startSignedIn()
  await browser.submit(await browser.visit(asking), { button: 'yes' })
  const wider = await browser.visit(authorizePath({ client_id: 'asking', scope: 'openid api2' }))
  assert.ok(wider.target.startsWith('/consent'))
  assert.ok(answerOf(await browser.submit(wider, { button: 'yes' })).get('code'))
  assert.ok(answerOf(await browser.request('GET', asking)).get('code'))
})

test('consent: a user who refuses is sent back with access_denied and the state, and is asked again next time [consent-008]', async () => {
  const { browser } = await startSignedIn()
  const answer = answerOf(await browser.submit(await browser.visit(asking), { button: 'no' }))
  assert.equal(answer.get('error'), 'access_denied')
  assert.equal(answer.get('state'), 'a state & more')
  assert.equal(answer.get('code'), null)
  assert.ok((await browser.visit(asking)).target.startsWith('/consent'))
})

test('consent: prompt=consent asks again, once', async () => {
  const { browser } = await startSignedIn()
  const target = authorizePath({ prompt: 'consent' })
  for (const _ of [1, 2]) {
    const page = await browser.visit(target)
    assert.ok(page.target.startsWith('/consent'))
    assert.ok(answerOf(await browser.submit(page, { button: 'yes' })).get('code'))
  }
})

test('consent: prompt="login consent" asks for both, once each', async () => {
  const { browser } = await startSignedIn()
  const login = await browser.visit(authorizePath({ prompt: 'login consent' }))
  assert.ok(login.target.startsWith('/login'))
  const consent = await browser.submit(login, alice)
  assert.ok(consent.target.startsWith('/consent'))
  assert.ok(answerOf(await browser.submit(consent, { button: 'yes' })).get('code'))
})

test('consent: skipping the page leads back to it, not to a code', async () => {
  const { browser } = await startSignedIn()
  const page = await browser.visit(asking)
  const skipped = await browser.visit(page.target.replace('/consent', '/connect/authorize/callback'))
  assert.ok(skipped.target.startsWith('/consent'))
})

test('consent: a changed continuation, CSRF token or button gives no code [consent-004]', async () => {
  const { server, browser } = await startSignedIn()
  const page = await browser.visit(asking)
  const fields = page.form?.fields ?? {}
  const [encrypted = '', proof = ''] = (fields.continue ?? '').split('.')
  const { length } = Buffer.from(encrypted, 'base64url')
  // Counter mode is malleable: without its tag, one flipped bit would turn api1 into api0.
  const flipped = Array.from({ length }, (_, at) => {
    const bytes = Buffer.from(encrypted, 'base64url')
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    return { continue: `${bytes.toString('base64url')}.${proof}` }
  })
  const changes: readonly Record<string, string>[] = [
    ...flipped,
    { continue: '' },
    { csrf: '' },
    { csrf: 'x' },
    { button: 'maybe' },
    { button: '' },
  ]
  for (const changed of changes) {
    assertErrorPage(await browser.submit(page, { button: 'yes', ...changed }), 'invalid_request')
  }
  assert.equal(await server.stores.consents.find('1', 'asking'), undefined)
})

test('consent: a continuation of the login page does not open the consent page', async () => {
  const { browser } = await startSignedIn()
  const login = await browser.visit(authorizePath({ client_id: 'asking', prompt: 'login' }))
  assertErrorPage(await browser.visit(login.target.replace('/login', '/consent')), 'invalid_request')
})

test('consent: a response counts only for the user who was asked', async () => {
  const { server, browser } = await startSignedIn()
  const page = await browser.visit(asking)
  answerOf(
    await signIn(browser, authorizePath({ prompt: 'login' }), { username: 'bob', password: 'builder' }),
  )
  const after = await browser.submit(page, { button: 'yes' })
  assert.ok(after.target.startsWith('/consent'))
  assert.match(after.text, /Signed in as bob/)
  assert.equal(await server.stores.consents.find('2', 'asking'), undefined)
})

test('consent: a continuation after consent is useless in another browser', async () => {
  const { server, browser } = await startSignedIn()
  const page = await browser.visit(asking)
  const done = await browser.request('POST', '/consent', { form: { ...page.form?.fields, button: 'yes' } })
  const other = createBrowser(server)
  answerOf(await signIn(other, authorizePath(), { username: 'bob', password: 'builder' }))
  assert.ok((await other.visit(done.location ?? '')).target.startsWith('/consent'))
})

const scopesWorld = {
  ...pagesWorld,
  api_scopes: [
    { name: 'api1', display_name: { en: 'Orders', de: 'Bestellungen' }, description: 'All <of> them' },
    { name: 'api2', required: true, emphasize: true },
  ],
  clients: [
    ...pagesWorld.clients.filter(({ client_id }) => client_id !== 'asking'),
    { ...pagesWorld.clients.find(({ client_id }) => client_id === 'asking'), consent_lifetime: 3600 },
    {
      ...pagesWorld.clients.find(({ client_id }) => client_id === 'web'),
      client_id: 'forgetful',
      require_consent: true,
      allow_remember_consent: false,
      logo_uri: 'https://logos.example/one.png',
      policy_uri: 'https://app.example/privacy',
    },
  ],
}

async function startScopes(input: object = scopesWorld) {
  const server = await createTestServer(input)
  const browser = createBrowser(server)
  answerOf(await signIn(browser, authorizePath()))
  const redeem = async (answer: URLSearchParams, client_id: string) => {
    const tokens = await server.token({
      grant_type: 'authorization_code',
      client_id,
      code: answer.get('code') ?? '',
      redirect_uri: callback,
      code_verifier: verifier,
    })
    assert.equal(tokens.status, 200, tokens.body)
    return tokens.json
  }
  return { server, browser, redeem }
}

const wide = authorizePath({ client_id: 'asking', scope: 'openid profile api1 api2' })

test('consent: an unchecked scope is not granted, and the client gets the narrowed scope [RFC 6749 §3.3]', async () => {
  const { browser, redeem } = await startScopes()
  const page = await browser.visit(wide)
  assert.deepEqual(page.form?.ticked.scope, ['profile', 'api1'])
  const answer = answerOf(await browser.submit(page, { button: 'yes', scope: ['api1'] }))
  const tokens = await redeem(answer, 'asking')
  assert.equal(tokens.scope, 'api1 api2 openid')
  assert.equal(claimsOf(tokens.access_token).scope, 'api1 api2 openid')
  // Refused scopes are asked for again; granted ones are not.
  assert.ok((await browser.visit(wide)).target.startsWith('/consent'))
  const less = authorizePath({ client_id: 'asking', scope: 'openid api1' })
  assert.ok(answerOf(await browser.request('GET', less)).get('code'))
})

test('consent: a scope that was not shown can’t be checked, and a required scope can’t be omitted', async () => {
  const { browser, redeem } = await startScopes()
  const page = await browser.visit(authorizePath({ client_id: 'asking', scope: 'openid api2' }))
  const scope = ['api1', 'profile', 'offline_access', 'nonsense']
  const tokens = await redeem(answerOf(await browser.submit(page, { button: 'yes', scope })), 'asking')
  assert.equal(tokens.scope, 'api2 openid')
})

test('consent: clearing every box counts as a refusal', async () => {
  const { server, browser } = await startScopes()
  const page = await browser.visit(authorizePath({ client_id: 'asking', scope: 'api1' }))
  const answer = answerOf(await browser.submit(page, { button: 'yes', scope: [] }))
  assert.equal(answer.get('error'), 'access_denied')
  assert.equal(await server.stores.consents.find('1', 'asking'), undefined)
})

test('consent: claims that were requested individually are granted with their scope [OIDC Core §5.5]', async () => {
  const { server, browser, redeem } = await startScopes()
  const claims = JSON.stringify({ id_token: { name: null }, userinfo: { name: null } })
  const target = authorizePath({ client_id: 'asking', scope: 'openid api1', claims })
  const page = await browser.visit(target)
  assert.deepEqual(page.form?.ticked.scope, ['profile', 'api1'])
  const told = await redeem(answerOf(await browser.submit(page, { button: 'yes' })), 'asking')
  assert.equal(claimsOf(told.id_token).name, 'Alice')
  const again = await browser.visit(
    authorizePath({ client_id: 'asking', scope: 'openid api1', claims, prompt: 'consent' }),
  )
  const less = await redeem(
    answerOf(await browser.submit(again, { button: 'yes', scope: ['api1'] })),
    'asking',
  )
  assert.equal(claimsOf(less.id_token).name, undefined)
  const headers = { authorization: `Bearer ${less.access_token}` }
  assert.equal((await server.send('GET', '/connect/userinfo', { headers })).json.name, undefined)
})

test('consent: a response is remembered for the configured time if the user chooses so [consent-003]', async () => {
  const { server, browser } = await startScopes()
  answerOf(await browser.submit(await browser.visit(wide), { button: 'yes' }))
  server.clock.advance(3599)
  assert.ok(answerOf(await browser.request('GET', wide)).get('code'))
  server.clock.advance(1)
  const page = await browser.visit(wide)
  assert.ok(page.target.startsWith('/consent'))
  answerOf(await browser.submit(page, { button: 'yes', remember: [] }))
  assert.ok((await browser.visit(wide)).target.startsWith('/consent'))
})

test('consent: consent given once is not remembered by a later response about other scopes', async () => {
  const { server, browser } = await startScopes()
  const of = (scope: string) => authorizePath({ client_id: 'asking', scope })
  const asks = async (scope: string) => (await browser.visit(of(scope))).target.startsWith('/consent')
  answerOf(await browser.submit(await browser.visit(of('openid profile')), { button: 'yes', remember: [] }))
  server.clock.advance(100)
  answerOf(await browser.submit(await browser.visit(of('openid api1')), { button: 'yes' }))
  assert.equal(await asks('openid api1'), false)
  assert.equal(await asks('openid profile'), true)
  assert.match((await browser.visit('/account/consents')).text, /Your profile.*Orders/)
  // Remembered consent keeps its expiry when other scopes are granted later.
  server.clock.advance(3000)
  answerOf(await browser.submit(await browser.visit(of('openid profile')), { button: 'yes' }))
  assert.equal(await asks('openid api1'), false)
  server.clock.advance(600)
  assert.equal(await asks('openid api1'), true)
})

test('consent: a client whose consent is not remembered has no such box, and sending it stores nothing', async () => {
  const { browser } = await startScopes()
  const target = authorizePath({ client_id: 'forgetful' })
  const page = await browser.visit(target)
  assert.equal(page.form?.ticked.remember, undefined)
  answerOf(await browser.submit(page, { button: 'yes', remember: 'yes' }))
  assert.ok((await browser.visit(target)).target.startsWith('/consent'))
})

test('consent: offline_access has a box; without it there is no refresh token [OIDC Core §11]', async () => {
  const { browser, redeem } = await startScopes()
  const target = authorizePath({ client_id: 'forgetful', scope: 'openid api1 offline_access' })
  const given = answerOf(await browser.submit(await browser.visit(target), { button: 'yes' }))
  assert.match((await redeem(given, 'forgetful')).refresh_token, /^tr_/)
  const kept = answerOf(await browser.submit(await browser.visit(target), { button: 'yes', scope: ['api1'] }))
  assert.equal((await redeem(kept, 'forgetful')).refresh_token, undefined)
})

test('consent: the page describes scopes in the user’s language, marks sensitive ones, and shows where the response goes', async () => {
  const { browser } = await startScopes()
  const page = await browser.visit(`${wide}&ui_locales=de`)
  assert.match(page.text, /Bestellungen All <of> them/)
  assert.match(page.text, /Sensibel/)
  assert.match(page.text, /app\.example/)
  assert.doesNotMatch(page.body, /<of>/)
  const other = await browser.visit(`${wide}&ui_locales=ja`)
  assert.match(other.text, /Orders/)
})

test('consent: a client’s logo is loaded only from its own origin, and its policy is linked', async () => {
  const { browser } = await startScopes()
  const page = await browser.visit(authorizePath({ client_id: 'forgetful' }))
  assert.match(
    String(page.headers['content-security-policy']),
    /img-src 'self' data: https:\/\/logos\.example;/,
  )
  assert.match(page.body, /<img class="picture" src="https:\/\/logos\.example\/one\.png" alt=""/)
  assert.match(page.body, /href="https:\/\/app\.example\/privacy"/)
})

test('consent: an operator’s rule requires consent for any client, and without it the response is consent_required', async () => {
  const asked: unknown[] = []
  const consentPolicy = (request: { scope: readonly string[] }) => {
    asked.push(request)
    return request.scope.includes('api1')
  }
  const server = await createTestServer({ ...scopesWorld, consentPolicy })
  const browser = createBrowser(server)
  const page = await signIn(browser, authorizePath())
  assert.ok(page.target.startsWith('/consent'))
  assert.deepEqual(asked.at(-1), { client_id: 'web', sub: '1', scope: ['api1', 'openid'] })
  assert.ok(answerOf(await browser.request('GET', authorizePath({ scope: 'openid' }))).get('code'))
  const silent = answerOf(await browser.request('GET', authorizePath({ prompt: 'none' })))
  assert.equal(silent.get('error'), 'consent_required')
})

test('consent: an application’s access is listed and can be removed: its tokens are revoked, others remain', async () => {
  const { server, browser, redeem } = await startScopes()
  const target = authorizePath({ client_id: 'forgetful', scope: 'openid api1 offline_access' })
  const tokens = await redeem(
    answerOf(await browser.submit(await browser.visit(target), { button: 'yes' })),
    'forgetful',
  )
  const others = await redeem(
    answerOf(await browser.submit(await browser.visit(wide), { button: 'yes' })),
    'asking',
  )
  const list = await browser.visit('/account/consents')
  assert.match(list.text, /Web & Co Since .* asks every time/)
  assert.match(list.text, /Asking Since .* until/)
  const after = await browser.submit(list, { client_id: 'forgetful', button: 'revoke' })
  assert.match(after.text, /Web & Co no longer has access/)
  assert.doesNotMatch(after.text, /asks every time/)
  const userinfo = (access_token: string) =>
    server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${access_token}` } })
  assert.equal((await userinfo(tokens.access_token)).status, 401)
  assert.equal((await userinfo(others.access_token)).status, 200)
  const { refresh_token } = tokens
  const refreshed = await server.token({ grant_type: 'refresh_token', client_id: 'forgetful', refresh_token })
  assertRefused(refreshed, 'invalid_grant', 'authorization_revoked')
})

test('consent: access is removed only by a form of this browser, and only by its user', async () => {
  const { server, browser } = await startScopes()
  answerOf(await browser.submit(await browser.visit(wide), { button: 'yes' }))
  const list = await browser.visit('/account/consents')
  const changes: readonly Record<string, string>[] = [{ csrf: '' }, { csrf: 'x' }, { button: 'drop' }]
  for (const changed of changes)
    assertErrorPage(await browser.submit(list, { button: 'revoke', ...changed }), 'invalid_request')
  const other = createBrowser(server)
  answerOf(await signIn(other, authorizePath(), { username: 'bob', password: 'builder' }))
  const theirs = await other.visit('/account/consents')
  const csrf = (await other.visit('/device')).form?.fields.csrf ?? ''
  await other.request('POST', '/account/consents', { form: { csrf, client_id: 'asking', button: 'revoke' } })
  assert.doesNotMatch(theirs.text, /Asking/)
  assert.ok(await server.stores.consents.find('1', 'asking'))
})

test('applications: one without consent is listed with what it may do and its last use, and stopped with its tokens', async () => {
  const api = { name: 'https://orders.example/', display_name: 'Orders API', scopes: ['api1', 'api2'] }
  const server = await createTestServer({ ...scopesWorld, api_resources: [api] })
  const browser = createBrowser(server)
  const target = authorizePath({ scope: 'openid api1 offline_access', resource: api.name })
  const answer = answerOf(await signIn(browser, target))
  const form = { client_id: 'web', redirect_uri: callback }
  const code = { grant_type: 'authorization_code', code: answer.get('code') ?? '' }
  const tokens = (await server.token({ ...form, ...code, code_verifier: verifier })).json
  assert.match(
    (await browser.visit('/account/consents')).text,
    /Web & Co Since .* last used now .*Orders.* Only for Orders API/,
  )
  server.clock.advance(600)
  const refresh = { ...form, grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
  const second = (await server.token(refresh)).json
  server.clock.advance(120)
  const list = await browser.visit('/account/consents')
  assert.match(list.text, /last used 2 minutes ago/)
  assert.doesNotMatch(list.text, /asks every time/)
  const after = await browser.submit(list, { button: 'revoke' })
  assert.match(after.text, /Web & Co no longer has access/)
  assert.match(after.text, /No application has access to your account/)
  assert.ok(server.logged.find(({ event }) => event === 'consent_revoked'))
  const headers = { authorization: `Bearer ${second.access_token}` }
  assert.equal((await server.send('GET', '/connect/userinfo', { headers })).status, 401)
  const refused = await server.token({ ...refresh, refresh_token: second.refresh_token })
  assertRefused(refused, 'invalid_grant', 'authorization_revoked')
  // Stopped already: a second request changes nothing and says nothing.
  assert.doesNotMatch((await browser.submit(list, { button: 'revoke' })).text, /no longer has access/)
})

test('applications: one that the operator revoked is not listed, and a remembered consent is shown as not in use', async () => {
  const { server, browser } = await startScopes()
  answerOf(await browser.visit(authorizePath()))
  answerOf(await browser.submit(await browser.visit(wide), { button: 'yes' }))
  const before = (await browser.visit('/account/consents')).text
  assert.match(before, /Asking.* Web & Co Since/)
  await server.revokeClient('web')
  await server.revokeClient('asking')
  const after = (await browser.visit('/account/consents')).text
  assert.match(after, /Asking Since .* not in use · until/)
  assert.doesNotMatch(after, /Web & Co Since/)
})

test('applications: more than fifty are listed on several pages, and one is removed from any page', async () => {
  const clients = Array.from({ length: 120 }, (_, index) => ({
    ...pagesWorld.clients.find(({ client_id }) => client_id === 'web'),
    client_id: `app ${String(index).padStart(3, '0')}`,
    client_name: `App ${index}.`,
  }))
  const server = await createTestServer({ ...pagesWorld, clients: [...pagesWorld.clients, ...clients] })
  const browser = createBrowser(server)
  const list = await signIn(browser, '/account/consents')
  assert.doesNotMatch(list.text, /More applications|first applications/)
  const created_at = server.clock.now()
  for (const { client_id } of clients)
    await server.stores.consents.save({ sub: '1', client_id, scope: ['openid'], created_at })
  const shown = ({ text }: { readonly text: string }) =>
    [...text.matchAll(/App (\d+)\. Since/g)].map(([, number]) => Number(number))
  const follow = (page: { readonly body: string }, label: string) => {
    const [, href = ''] = new RegExp(`<a href="([^"]+)">${label}`).exec(page.body) ?? []
    return browser.visit(href)
  }
  const from = (first: number, end: number) => clients.slice(first, end).map((_, index) => first + index)
  const pages = [await browser.visit('/account/consents')]
  pages.push(await follow(pages[0]!, 'More applications'))
  pages.push(await follow(pages[1]!, 'More applications'))
  assert.deepEqual(pages.map(shown), [from(0, 50), from(50, 100), from(100, 120)])
  assert.deepEqual(
    pages.map(({ text }) => [/More applications/.test(text), /first applications/.test(text)]),
    [
      [true, false],
      [true, true],
      [false, true],
    ],
  )
  assert.deepEqual(shown(await follow(pages[2]!, 'Back to the first applications')), from(0, 50))

  const after = await browser.submit(pages[1]!, { client_id: 'app 070', button: 'revoke' })
  assert.match(after.text, /App 70\. no longer has access/)
  assert.deepEqual(
    shown(after),
    from(50, 101).filter(number => number !== 70),
  )
  // Nothing is left on this page.
  const last = await browser.visit('/account/consents?after=app+118')
  assert.deepEqual(shown(await browser.submit(last, { button: 'revoke' })), from(0, 50))
})
