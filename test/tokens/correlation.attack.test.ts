/** Clients that try to find out, alone or together, which users are the same (OpenID Connect Core 1.0 §8.1). */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { compactDecrypt, exportJWK } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { hybridWorld, redeem, userinfo } from '../support/hybrid.ts'
import {
  endSessionPath,
  logoutTokenOf,
  logoutWorld,
  signInAt,
  startLogoutWorld,
} from '../support/logout-world.ts'
import { assertRefused } from '../support/refused.ts'
import { manage, register } from '../support/registering.ts'
import { alice, answerOf, authorizePath, callback, signIn, verifier } from '../support/sign-in.ts'
import { type Answer, basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

const clients = hybridWorld.clients.map(client =>
  client.client_id === 'pair' || client.client_id === 'elsewhere'
    ? {
        ...client,
        redirect_uris: [`https://${client.client_id}.example/cb`],
        sector_identifier_uri: undefined,
      }
    : client,
)
const of = (client_id: string) => `https://${client_id}.example/cb`

/** Tokens of each client from one browser and one session. */
async function tokensOf(server: TestServer, names: readonly string[]): Promise<readonly Answer['json'][]> {
  const browser = createBrowser(server)
  const all: Answer['json'][] = []
  for (const client_id of names) {
    const redirect_uri = of(client_id)
    let page = await browser.visit(
      authorizePath({ client_id, redirect_uri, scope: 'openid profile api1 offline_access' }),
    )
    if (page.form) page = await browser.submit(page, alice)
    const { json } = await server.token({
      ...{ grant_type: 'authorization_code', client_id, redirect_uri, code_verifier: verifier },
      code: answerOf(page, redirect_uri).get('code') ?? '',
    })
    all.push(json)
  }
  return all
}

/** Every string that a client may read in a token, at any depth. */
const textsOf = (value: unknown): readonly string[] =>
  typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [String(value)]

test('attack: two clients of two sectors find nothing in their tokens that identifies the same user or session', async () => {
  const ownSub = 'the-own-sub-of-alice'
  const users = hybridWorld.users.map(user => (user.sub === '1' ? { ...user, sub: ownSub } : user))
  const server = await createTestServer({ ...hybridWorld, clients, users })
  const told = await Promise.all(
    (await tokensOf(server, ['pair', 'elsewhere'])).map(async ({ id_token, access_token }) => [
      ...textsOf(claimsOf(id_token)),
      ...textsOf(claimsOf(access_token)),
      ...textsOf((await userinfo(server, access_token)).json),
    ]),
  )
  const [one = [], other = []] = told
  // Identifiers of sessions are random and long; times, names and the server's own words are common to all.
  const common = one.filter(text => other.includes(text) && /^[\w-]{16,}$/.test(text))
  assert.deepEqual(common, [])
  assert.ok(![...one, ...other].includes(ownSub))
})

test('attack: a pairwise client gets its own sid in ID token, access token, refresh and logout token, and can sign out with it', async () => {
  const pairwise = logoutWorld.clients.map(client =>
    'backchannel_logout_uri' in client ? { ...client, subject_type: 'pairwise' } : client,
  )
  const { server, browser, posts } = await startLogoutWorld({ clients: pairwise })
  const { shop, wiki } = await signInAt(server, browser, ['shop', 'wiki'], {
    scope: 'openid api1 offline_access',
  })
  const sids = [shop, wiki].map(({ id_token }) => claimsOf(id_token).sid)
  assert.equal(new Set(sids).size, 2)
  assert.equal(claimsOf(shop.access_token).sid, sids[0])
  const { refresh_token } = shop
  const again = await server.token({ grant_type: 'refresh_token', client_id: 'shop', refresh_token })
  assert.equal(claimsOf(again.json.id_token).sid, sids[0])
  const page = await browser.visit(endSessionPath({ id_token_hint: shop.id_token }))
  assert.equal(page.form, undefined, 'its own hint signs out at once')
  for (const [at, name] of ['shop', 'wiki'].entries()) {
    assert.ok(String(page.body).includes(`sid=${sids[at]}`), `the frame of ${name} contains its own sid`)
  }
  await server.runLogouts()
  const logoutSids = ['shop', 'wiki'].map(
    name => claimsOf(logoutTokenOf(posts.find(({ url }) => url.includes(name))!)).sid,
  )
  assert.deepEqual(logoutSids, sids)
})

const native = {
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  subject_type: 'pairwise',
  scope: 'openid offline_access',
  grant_types: ['authorization_code', 'refresh_token'],
}
const open = { registration: { mode: 'open', client_defaults: { require_consent: false } } }

async function subAt(server: TestServer, client_id: string, redirect_uri: string): Promise<Answer['json']> {
  const target = authorizePath({ client_id, redirect_uri, scope: 'openid offline_access' })
  const browser = createBrowser(server)
  const signedIn = await signIn(browser, target)
  // A client with a private-use scheme asks for consent each time.
  const asks = signedIn.target.startsWith('/consent')
  const page = asks ? await browser.submit(signedIn, { button: 'yes' }) : signedIn
  const { json } = await server.token({
    ...{ grant_type: 'authorization_code', client_id, redirect_uri, code_verifier: verifier },
    code: answerOf(page, redirect_uri).get('code') ?? '',
  })
  return { ...json, sub: claimsOf(json.id_token).sub }
}

test('attack: a private-use scheme with the host of another client, and a loopback host, do not share a sector [RFC 8252 §8.6]', async () => {
  const server = await createTestServer({ ...hybridWorld, clients, ...open })
  const victim = await subAt(server, 'pair', of('pair'))
  const subs = [victim.sub]
  for (const redirect_uri of [
    'com.evil.app://pair.example/cb',
    'com.other.app://pair.example/cb',
    'http://127.0.0.1/cb',
    'http://localhost/cb',
    'http://127.0.0.1/cb2',
  ]) {
    const { json } = await register(server, { ...native, redirect_uris: [redirect_uri] })
    subs.push((await subAt(server, json.client_id, redirect_uri)).sub)
  }
  assert.equal(new Set(subs).size, subs.length)
})

test('attack: a host and a scheme that only looks like it are not one sector', async () => {
  const server = await createTestServer({ ...hybridWorld, ...open })
  const redirect_uris = ['https://pair.example/cb', 'com.evil.app://pair.example/cb']
  for (const uris of [redirect_uris, redirect_uris.toReversed()]) {
    const { status, json } = await register(server, { ...native, redirect_uris: uris })
    assert.equal(status, 400, JSON.stringify(json))
    assert.equal(json.error, 'invalid_client_metadata')
  }
})

test('attack: a client with a refresh token can’t learn identifiers of another sector by updating itself', async () => {
  const server = await createTestServer({ ...hybridWorld, clients, ...open })
  const victim = await subAt(server, 'pair', of('pair'))
  const mine = 'https://evil.example/cb'
  for (const subject_type of ['pairwise', 'public']) {
    const metadata = { ...native, application_type: 'web', subject_type, redirect_uris: [mine] }
    const { json } = await register(server, metadata)
    const told = await subAt(server, json.client_id, mine)
    const { client_id } = json
    for (const change of [
      { redirect_uris: [of('pair')] },
      { redirect_uris: [of('pair')], subject_type: 'pairwise' },
      { subject_type: subject_type === 'public' ? 'pairwise' : 'public' },
    ]) {
      const update = await manage(server, 'PUT', json, { ...metadata, ...change, client_id })
      const moves = update.status === 200
      if (moves) Object.assign(json, update.json)
      // A public client may move: its sub is the same everywhere.
      assert.equal(moves, subject_type === 'public' && !('subject_type' in change), JSON.stringify(change))
      if (!moves) assert.equal(server.reason(), 'client_identifiers_changed')
    }
    const refreshed = await server.token({
      ...{ grant_type: 'refresh_token', client_id, refresh_token: told.refresh_token },
    })
    assert.equal(claimsOf(refreshed.json.id_token).sub, told.sub)
    assert.notEqual(told.sub, victim.sub)
  }
})

test('attack: a registered client that gets tokens by another way than its host is not in a host’s sector', async () => {
  const server = await createTestServer({
    ...hybridWorld,
    clients,
    registration: { ...open.registration, allowed_grant_types: [...native.grant_types, deviceGrant] },
  })
  const metadata = { ...native, application_type: 'web', redirect_uris: [of('pair')] }
  const grants = [...native.grant_types, deviceGrant]
  const refused = await register(server, { ...metadata, grant_types: grants })
  assert.equal(refused.json.error, 'invalid_client_metadata')
  assert.equal(server.reason(), 'client_metadata_not_allowed')
  const { status, json } = await register(server, metadata)
  assert.equal(status, 201)
  const { client_id } = json
  assert.equal(
    (await manage(server, 'PUT', json, { ...metadata, client_id, grant_types: grants })).status,
    400,
  )
  // Without a host it is its own sector.
  const device = { ...native, grant_types: [deviceGrant], response_types: [], redirect_uris: [] }
  assert.equal((await register(server, device)).status, 201)
})

test('attack: a token of one sector can’t be exchanged for one of another, or for the user’s own sub [RFC 8693]', async () => {
  const exchanger = (client_id: string, more: object) => ({
    client_id,
    client_secrets: [{ value: 's' }],
    grant_types: [tokenExchange, 'password'],
    scope: 'openid profile api1',
    ...more,
  })
  const server = await createTestServer({
    ...hybridWorld,
    clients: [
      ...clients,
      exchanger('plain', {}),
      exchanger('plain2', {}),
      exchanger('apart', { subject_type: 'pairwise', redirect_uris: ['https://apart.example/cb'] }),
      exchanger('kin', { subject_type: 'pairwise', redirect_uris: ['https://pair.example/cb2'] }),
    ],
  })
  const [pair] = await tokensOf(server, ['pair'])
  const password = async (client: string) =>
    (
      await server.token(
        { grant_type: 'password', username: 'alice', password: 'wonderland', scope: 'openid api1' },
        { client: [client, 's'] },
      )
    ).json.access_token
  const exchange = (subject_token: string, client: string) =>
    server.token(
      { grant_type: tokenExchange, subject_token, subject_token_type: accessTokenType, scope: 'api1' },
      { client: [client, 's'] },
    )
  for (const [subject, client] of [
    [pair.access_token, 'plain'],
    [pair.access_token, 'apart'],
    [await password('plain'), 'apart'],
    [await password('apart'), 'plain'],
  ]) {
    const { json, reason } = await exchange(subject, client)
    assertRefused({ json, reason }, 'invalid_grant', 'extension_subject_of_another_sector', client)
  }
  // Within a sector, and between clients that get the user's own sub, an exchange reveals nothing new.
  const kin = await exchange(pair.access_token, 'kin')
  assert.equal(claimsOf(kin.json.access_token).sub, claimsOf(pair.access_token).sub)
  assert.equal((await exchange(await password('plain'), 'plain2')).status, 200)
})

test('attack: claims that one client requested are not returned to another that exchanged its token', async () => {
  const server = await createTestServer({
    ...hybridWorld,
    clients: [
      ...hybridWorld.clients,
      {
        client_id: 'exchanger',
        client_secrets: [{ value: 's' }],
        grant_types: [tokenExchange],
        scope: 'openid profile email',
      },
    ],
  })
  const asked = JSON.stringify({ userinfo: { email: null, name: null } })
  const browser = createBrowser(server)
  const answer = answerOf(await signIn(browser, authorizePath({ scope: 'openid', claims: asked })))
  const { json } = await redeem(server, answer, 'web')
  assert.equal((await userinfo(server, json.access_token)).json.email, 'alice@example.com')
  const exchanged = await server.token(
    {
      grant_type: tokenExchange,
      subject_token: json.access_token,
      subject_token_type: accessTokenType,
      scope: 'openid',
    },
    { client: ['exchanger', 's'] },
  )
  assert.deepEqual((await userinfo(server, exchanged.json.access_token)).json, { sub: '1' })
})

test('attack: signed or encrypted UserInfo and signed introspection responses contain the client’s own sub', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), use: 'enc' }] }
  const more = {
    userinfo_signed_response_alg: 'ES256',
    userinfo_encrypted_response_alg: 'ECDH-ES',
    id_token_encrypted_response_alg: 'ECDH-ES',
    jwks,
  }
  const server = await createTestServer({
    ...hybridWorld,
    clients: clients.map(client => (client.client_id === 'pair' ? { ...client, ...more } : client)),
  })
  const redirect_uri = of('pair')
  const target = authorizePath({ client_id: 'pair', redirect_uri, scope: 'openid profile api1' })
  const page = await signIn(createBrowser(server), target)
  const { json } = await server.token({
    ...{ grant_type: 'authorization_code', client_id: 'pair', redirect_uri, code_verifier: verifier },
    code: answerOf(page, redirect_uri).get('code') ?? '',
  })
  const open = async (jwe: string): Promise<any> =>
    claimsOf(new TextDecoder().decode((await compactDecrypt(jwe, privateKey)).plaintext))
  const told = await open(json.id_token)
  assert.match(told.sub, /^[\w-]{43}$/)
  const answer = await open((await userinfo(server, json.access_token)).body as string)
  assert.equal(answer.sub, told.sub)
  const introspected = await server.send('POST', '/connect/introspect', {
    form: { token: json.access_token },
    headers: { ...basic('urn:api', 'api-secret'), accept: 'application/token-introspection+jwt' },
  })
  assert.equal(claimsOf(introspected.body as string).token_introspection.sub, told.sub)
})

test('attack: a signed UserInfo response is not accepted as an ID token hint, at authorize or at sign-out', async () => {
  const server = await createTestServer({
    ...hybridWorld,
    clients: hybridWorld.clients.map(client => ({ ...client, userinfo_signed_response_alg: 'ES256' })),
  })
  const browser = createBrowser(server)
  const answer = answerOf(await signIn(browser, authorizePath()))
  const { json } = await redeem(server, answer, 'web')
  const jwt = (await userinfo(server, json.access_token)).body as string
  assert.equal(claimsOf(jwt).aud, 'web')
  const hinted = answerOf(
    await browser.visit(authorizePath({ prompt: 'none', id_token_hint: jwt })),
    callback,
  )
  assert.equal(hinted.get('error'), 'invalid_request')
  assert.equal(server.reason(), 'id_token_hint_invalid')
  await browser.visit(endSessionPath({ id_token_hint: jwt }))
  assert.equal(server.reason(), 'id_token_hint_invalid')
})
