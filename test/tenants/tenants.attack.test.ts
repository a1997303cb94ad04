/**
 * Everything one issuer returned is tried at every other, with the same clients, user names, subs, scopes and APIs: it
 * must be invalid there, and still valid at its own.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, authorizePath, callback, signIn, verifier } from '../support/sign-in.ts'
import { type Place, placesOf, signerKey, tenantsWorld } from '../support/tenants.ts'
import { basic, createTestServer, type TestServer } from '../support/tessera.ts'

/** Runs for each issuer and each other one. */
async function eachPair(
  attack: (own: Place, other: Place, server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await createTestServer(tenantsWorld)
  const places = placesOf(server)
  for (const own of places) for (const other of places) if (other !== own) await attack(own, other, server)
  await server.close()
}

const passwordGrant = async ({ token, secret }: Place, client = 'web') => {
  const scope = client === 'web' ? 'openid profile api1 offline_access' : 'openid profile api1'
  const answer = await token({ grant_type: 'password', username: 'alice', password: secret, scope }, client)
  assert.equal(answer.status, 200, answer.body)
  return answer.json as { access_token: string; refresh_token: string }
}

/** Signs in and, unless given before, consents. */
const agree = async (place: Place): Promise<URLSearchParams> => {
  const browser = createBrowser(place)
  const page = await signIn(browser, place.base + authorizePath(), { ...alice, password: place.secret })
  return answerOf(page.form ? await browser.submit(page, { button: 'yes' }) : page)
}

const redemption = (code: string) => ({
  grant_type: 'authorization_code',
  code,
  code_verifier: verifier,
  redirect_uri: callback,
})

const userinfo = async ({ send, base }: Place, token: string): Promise<number> =>
  (await send('GET', `${base}/connect/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status

const introspect = ({ send, base }: Place, token: string, secret: string) =>
  send('POST', `${base}/connect/introspect`, { form: { token }, headers: basic('urn:api', `${secret}-api`) })

const exchangeType = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

for (const [kind, client] of [
  ['JWT', 'web'],
  ['reference', 'opaque'],
] as const)
  test(`tenants: a ${kind} access token of one issuer is refused at another, inactive there, and can’t be revoked there`, async () => {
    await eachPair(async (own, other) => {
      const { access_token } = await passwordGrant(own, client)
      assert.equal(await userinfo(other, access_token), 401)
      assert.deepEqual((await introspect(other, access_token, other.secret)).json, { active: false })
      const exchanged = await other.token(
        { grant_type: exchangeType, subject_token: access_token, subject_token_type: accessTokenType },
        'exchanger',
      )
      assert.equal(exchanged.status, 400)
      const revoked = await other.send('POST', `${other.base}/connect/revocation`, {
        form: { token: access_token },
        headers: basic(client, other.secret),
      })
      assert.equal(revoked.status, 200)
      assert.equal(await userinfo(own, access_token), 200)
      assert.equal((await introspect(own, access_token, own.secret)).json.active, true)
    })
  })

test('tenants: a refresh token is unknown at another issuer, can’t be revoked there, and still works at its own', async () => {
  await eachPair(async (own, other) => {
    const { refresh_token } = await passwordGrant(own)
    const form = { grant_type: 'refresh_token', refresh_token }
    const refused = await other.token(form)
    assertRefused(refused, 'invalid_grant', 'refresh_token_malformed')
    await other.send('POST', `${other.base}/connect/revocation`, {
      form: { token: refresh_token },
      headers: basic('web', other.secret),
    })
    assert.equal((await own.token(form)).status, 200)
  })
})

test('tenants: a code is unknown at another issuer, isn’t burnt there, and is redeemed at its own', async () => {
  await eachPair(async (own, other) => {
    const code = (await agree(own)).get('code') ?? ''
    const form = redemption(code)
    assertRefused(await other.token(form), 'invalid_grant', 'code_unknown')
    assert.equal((await own.token(form)).status, 200)
  })
})

test('tenants: a device code and its user code are unknown at another issuer', async () => {
  await eachPair(async (own, other) => {
    const { json } = await own.send('POST', `${own.base}/connect/deviceauthorization`, {
      form: { client_id: 'tv' },
    })
    const poll = (place: Place) =>
      place.send('POST', `${place.base}/connect/token`, {
        form: {
          grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
          client_id: 'tv',
          device_code: json.device_code,
        },
      })
    assertRefused(await poll(other), 'invalid_grant', 'device_code_unknown')
    const browser = createBrowser(other)
    const page = await browser.submit(await browser.visit(`${other.base}/device`), {
      user_code: json.user_code,
    })
    assert.equal(page.status, 400)
    assert.equal((await poll(own)).json.error, 'authorization_pending')
  })
})

test('tenants: a pushed request is unknown at another issuer, isn’t consumed there, and leads to a sign-in at its own', async () => {
  await eachPair(async (own, other, server) => {
    const pushed = await own.send('POST', `${own.base}/connect/par`, {
      form: new URL(authorizePath(), own.issuer).search.slice(1),
      headers: basic('web', own.secret),
    })
    assert.equal(pushed.status, 201, pushed.body)
    const visit = ({ send, base }: Place) =>
      createBrowser({ send }).visit(
        `${base}/connect/authorize?${new URLSearchParams({ client_id: 'web', request_uri: pushed.json.request_uri })}`,
      )
    const refused = await visit(other)
    assert.equal(refused.status, 400)
    assert.equal(server.reason(), 'pushed_request_unknown')
    assert.match((await visit(own)).text, /Sign in/)
  })
})

test('tenants: an ID token is not accepted as a hint at another issuer', async () => {
  await eachPair(async (own, other, server) => {
    const { json } = await own.token(redemption((await agree(own)).get('code') ?? ''))
    const hinted = async ({ base, send }: Place) => {
      const target = base + authorizePath({ prompt: 'none', id_token_hint: json.id_token })
      return answerOf(await createBrowser({ send }).visit(target)).get('error')
    }
    assert.equal(await hinted(other), 'invalid_request')
    assert.equal(server.reason(), 'id_token_hint_invalid')
    assert.equal(await hinted(own), 'login_required')
  })
})

/** The browser's cookies under the names that the other issuer uses. */
const renamed = (cookies: ReadonlyMap<string, string>, own: Place, other: Place): [string, string][] => {
  const suffix = (place: Place) => (place.name === 'main' ? '' : `.${place.name}`)
  const nameless = (name: string) =>
    suffix(own) === '' ? name : name.slice(0, name.length - suffix(own).length)
  return [...cookies].map(([name, value]) => [nameless(name) + suffix(other), value])
}

test('tenants: a sign-out accepts only an ID token of that issuer', async () => {
  await eachPair(async (own, other) => {
    const browser = createBrowser(other)
    const page = await signIn(browser, other.base + authorizePath(), { ...alice, password: other.secret })
    const agreed = page.form ? await browser.submit(page, { button: 'yes' }) : page
    const theirs = (await other.token(redemption(answerOf(agreed).get('code') ?? ''))).json.id_token
    const ours = (await own.token(redemption((await agree(own)).get('code') ?? ''))).json.id_token
    const signedIn = async () =>
      answerOf(await browser.visit(other.base + authorizePath({ prompt: 'none' }))).get('code') !== null
    await browser.visit(`${other.base}/connect/endsession?id_token_hint=${ours}`)
    assert.equal(await signedIn(), true)
    await browser.visit(`${other.base}/connect/endsession?id_token_hint=${theirs}`)
    assert.equal(await signedIn(), false)
  })
})

test('tenants: cookie names differ between issuers', async () => {
  const server = await createTestServer(tenantsWorld)
  const seen = new Set<string>()
  for (const place of placesOf(server)) {
    const browser = createBrowser(place)
    await signIn(browser, place.base + authorizePath(), { ...alice, password: place.secret })
    assert.ok(browser.cookies.size >= 2)
    for (const name of browser.cookies.keys()) {
      assert.match(name, /^__Host-tessera_/)
      assert.ok(!seen.has(name), name)
      seen.add(name)
    }
  }
})

test('tenants: a session cookie is refused at another issuer, under any name', async () => {
  await eachPair(async (own, other) => {
    const signedIn = createBrowser(own)
    await signIn(signedIn, own.base + authorizePath(), { ...alice, password: own.secret })
    for (const cookies of [[...signedIn.cookies], renamed(signedIn.cookies, own, other)]) {
      const thief = createBrowser(other)
      for (const [name, value] of cookies) thief.cookies.set(name, value)
      const page = await thief.request('GET', other.base + authorizePath({ prompt: 'none' }))
      assert.equal(answerOf(page).get('error'), 'login_required')
    }
    const still = await signedIn.request('GET', own.base + authorizePath({ prompt: 'none' }))
    assert.equal(answerOf(still).get('error'), 'consent_required')
  })
})

test('tenants: a form’s token and a pending request are useless at another issuer', async () => {
  await eachPair(async (own, other, server) => {
    const browser = createBrowser(own)
    const page = await browser.visit(own.base + authorizePath())
    const waiting = page.form?.fields.continue ?? ''
    assert.ok(waiting.length > 100)
    const visitor = createBrowser(other)
    const gone = await visitor.visit(`${other.base}/login?continue=${waiting}`)
    assert.equal(gone.status, 400)
    assert.equal(server.reason(), 'continuation_invalid')

    const theirs = await visitor.visit(other.base + authorizePath())
    for (const [name, value] of renamed(browser.cookies, own, other)) visitor.cookies.set(name, value)
    const posted = await visitor.request('POST', `${other.base}/login`, {
      form: {
        ...theirs.form?.fields,
        ...alice,
        password: other.secret,
        csrf: page.form?.fields.csrf,
      },
    })
    assert.equal(posted.status, 400)
    assert.equal(server.reason(), 'csrf_token_wrong')
  })
})

test('tenants: secrets of clients and APIs are wrong at another issuer', async () => {
  await eachPair(async (own, other, server) => {
    const send = other.send('POST', `${other.base}/connect/token`, {
      form: { grant_type: 'client_credentials', scope: 'api1' },
      headers: basic('web', own.secret),
    })
    assert.equal((await send).status, 401)
    assert.equal(server.reason(), 'client_secret_wrong')
    const { access_token } = await passwordGrant(other)
    assert.equal((await introspect(other, access_token, own.secret)).status, 401)
  })
})

test('tenants: a client’s assertion for one issuer is refused at another, although its key is the same', async () => {
  await eachPair(async (own, other, server) => {
    for (const aud of [own.issuer, `${own.issuer}/connect/token`]) {
      const now = server.clock.now()
      const client_assertion = await new SignJWT({ iss: 'signer', sub: 'signer', aud, jti: aud + other.name })
        .setProtectedHeader({ alg: 'ES256' })
        .setExpirationTime(now + 60)
        .sign(signerKey.privateKey)
      const send = (place: Place) =>
        place.send('POST', `${place.base}/connect/token`, {
          form: {
            grant_type: 'client_credentials',
            scope: 'api1',
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion,
          },
        })
      assert.equal((await send(other)).status, 401)
      assert.equal(server.reason(), 'client_assertion_audience_wrong')
      // The refusal there did not consume it here.
      assert.equal((await send(own)).status, 200)
    }
  })
})

test('tenants: initial access tokens and registered clients of one issuer are unknown at another', async () => {
  const server = await createTestServer(tenantsWorld)
  const metadata = {
    redirect_uris: [callback],
    grant_types: ['authorization_code', 'client_credentials'],
    scope: 'openid api1',
  }
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const register = ({ send, base }: Place, token: string) =>
    send('POST', `${base}/connect/register`, {
      body: JSON.stringify(metadata),
      headers: { 'content-type': 'application/json', ...bearer(token) },
    })
  const tokenWith = ({ send, base }: Place, id: string, secret: string) =>
    send('POST', `${base}/connect/token`, {
      form: { grant_type: 'client_credentials', scope: 'api1' },
      headers: basic(id, secret),
    })
  const places = placesOf(server)
  for (const own of places) {
    const { status, json } = await register(own, `${own.secret}-may-register`)
    assert.equal(status, 201, own.name)
    assert.ok(json.registration_client_uri.startsWith(`${own.issuer}/connect/register`))
    assert.equal((await tokenWith(own, json.client_id, json.client_secret)).status, 200)
    const { pathname, search } = new URL(json.registration_client_uri)
    const manage = ({ send, base }: Place, method: string) =>
      send(method, base + pathname.slice(own.base.length) + search, {
        headers: bearer(json.registration_access_token),
      })
    for (const other of places.filter(place => place !== own)) {
      assert.equal((await register(other, `${own.secret}-may-register`)).status, 401)
      assert.equal((await tokenWith(other, json.client_id, json.client_secret)).status, 401)
      for (const method of ['GET', 'DELETE']) assert.equal((await manage(other, method)).status, 401)
    }
    assert.equal((await manage(own, 'GET')).status, 200)
  }
})

test('tenants: consent at one issuer does not count at another, although user and client have the same names', async () => {
  const server = await createTestServer(tenantsWorld)
  for (const place of placesOf(server)) {
    const browser = createBrowser(place)
    const page = await signIn(browser, place.base + authorizePath(), { ...alice, password: place.secret })
    assert.ok(page.form, `${place.name}: no consent page`)
    await agree(place)
    assert.ok(answerOf(await browser.visit(place.base + authorizePath())).get('code'))
  }
})

test('tenants: guessing a name’s password at one issuer does not lock out at another', async () => {
  const server = await createTestServer(tenantsWorld)
  const [main, acme] = placesOf(server)
  const guess = (place: Place, password: string) =>
    place.token({ grant_type: 'password', username: 'alice', password, scope: 'openid' })
  for (let count = 0; count < 100; count++) await guess(main!, 'wrong')
  assert.equal((await guess(main!, 'main')).status, 429)
  assert.equal((await guess(acme!, 'acme')).status, 200)
})

test('tenants: derived keys differ per issuer, so stored secrets can’t be opened at another issuer', async () => {
  const server = await createTestServer(tenantsWorld)
  for (const { send, base } of placesOf(server)) await send('GET', `${base}/.well-known/openid-configuration`)
  const acme = await server.tenantStores.forTenant('acme')
  const globex = await server.tenantStores.forTenant('globex')
  // A tenant's whole store in another's place, as after restoring a backup under a wrong name.
  const swapped = {
    ...server.tenantStores,
    forTenant: async (name: string) => (name === 'acme' ? globex : acme),
  }
  const restarted = await createTestServer(tenantsWorld, { tenantStores: swapped })
  const [main, exchanged] = placesOf(restarted)
  const answer = await exchanged!.send('GET', '/t/acme/.well-known/openid-configuration')
  assert.equal(answer.status, 503)
  const failure = restarted.logged.find(({ event }) => event === 'tenant_start_failed')
  assert.match(String(failure?.error), /master key is not the one/)
  assert.equal((await main!.send('GET', '/.well-known/openid-configuration')).status, 200)
})

test('tenants: if x-forwarded-host may select the issuer, every response has Vary for it [RFC 9111 §4.1]', async () => {
  const path = '/.well-known/openid-configuration'
  const behind = { trusted_proxies: ['127.0.0.1'], trust_forwarded_host: true }
  for (const [more, expected] of [
    [behind, /(^|, )x-forwarded-host$/],
    [{ trusted_proxies: ['127.0.0.1'] }, /^(origin)?$/],
  ] as const) {
    const server = await createTestServer({ ...tenantsWorld, ...more })
    const { host } = new URL('https://id.initech.example')
    for (const headers of [{ host }, { host: 'id.example' }, { host: 'nobody.example' }])
      for (const target of [path, `${path}/jwks`, '/login', '/connect/userinfo', '/nothing']) {
        const { headers: sent } = await server.send('GET', target, { headers })
        assert.match(String(sent.vary ?? ''), expected, `${headers.host}${target}`)
      }
    await server.close()
  }
})
