import assert from 'node:assert/strict'
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath } from '../support/sign-in.ts'
import {
  type Answer,
  claimsOf,
  createTestServer,
  issuer,
  startOfTime,
  type TestServer,
} from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const bearerGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

const machineToken = async (server: TestServer, name = 'client'): Promise<string> =>
  (await server.token({ grant_type: 'client_credentials' }, { client: [name, secret] })).json.access_token

const userToken = async (server: TestServer, more: Record<string, string> = {}): Promise<string> =>
  (
    await server.token(
      { grant_type: 'password', username: 'bob', password: 'bob', scope: 'openid api1', ...more },
      { client: ['roclient', secret] },
    )
  ).json.access_token

const introspect = (server: TestServer, token: string, name = 'client'): Promise<Answer> =>
  server.send('POST', '/connect/introspect', { form: { token, client_id: name, client_secret: secret } })

const userinfo = (server: TestServer, token: string): Promise<Answer> =>
  server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${token}` } })

const exchange = (server: TestServer, form: Record<string, string>, name = 'exchanger'): Promise<Answer> =>
  server.token(
    { grant_type: exchangeGrant, subject_token_type: accessTokenType, ...form },
    { client: [name, secret] },
  )

const registered = {
  iss: 'https://evil.example',
  sub: 'forged',
  aud: 'forged',
  exp: 9_999_999_999,
  iat: 1,
  nbf: 1,
  jti: 'forged',
  client_id: 'forged',
  scope: 'forged',
  authorization_id: 'forged',
  cnf: { 'x5t#S256': 'forged' },
  auth_time: 1,
  idp: 'forged',
  amr: ['forged'],
  acr: 'forged',
  sid: 'forged',
  tenant: 'forged',
}

/** A token contains what this server decided: nothing else can set its claims. */
function assertNothingForged(token: string): void {
  for (const [name, value] of Object.entries(claimsOf(token)))
    assert.ok(
      !JSON.stringify(value)?.includes('forged') && value !== 1,
      `${name} is ${JSON.stringify(value)}`,
    )
}

test('attack: a client’s own claims without a prefix never become registered ones, or make it a user', async () => {
  const claims = Object.entries(registered).map(([type, value]) => ({ type, value }))
  const server = await createTestServer(
    withClients({ client_id: 'client', client_claims_prefix: '', claims } as never),
  )
  const token = await machineToken(server)
  assertNothingForged(token)
  assert.equal(claimsOf(token).sub, 'client')
  assert.equal((await introspect(server, token)).json.active, true)
})

for (const type of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
  test(`attack: a claim named ${type} is treated like any other`, async () => {
    const server = await createTestServer(
      withClients({
        client_id: 'client',
        client_claims_prefix: '',
        claims: [{ type, value: 'mine' }],
      } as never),
    )
    const payload = Buffer.from((await machineToken(server)).split('.')[1]!, 'base64url').toString()
    assert.ok(payload.includes(`"${type}":"mine"`), payload)
  })
}

test('attack: a profile hook, a user’s record and a grant can’t set the server’s own claims', async () => {
  const names = Object.keys(registered)
  const configured = {
    ...world,
    api_scopes: world.api_scopes.map(scope => ({ ...scope, claims: names })),
    users: world.users.map(user => ({ ...user, claims: registered })),
  }
  assertNothingForged(await userToken(await createTestServer(configured)))
  const hooked = { ...configured, profile: { claims: () => registered } }
  const server = await createTestServer(hooked)
  const token = await userToken(server)
  assertNothingForged(token)
  assert.equal((await userinfo(server, token)).json.sub, '88421113')

  const granted = await createTestServer({
    ...world,
    grants: [
      {
        grantType: 'urn:example:forge',
        parameters: {},
        decide: () => ({ ok: true, claims: registered, client_claims: [{ type: 'x', value: 'y' }] }),
      },
    ],
    clients: [
      ...world.clients,
      {
        client_id: 'forger',
        client_secrets: [{ value: secret }],
        grant_types: ['urn:example:forge'],
        scope: 'api1',
      },
    ],
  })
  const { json } = await granted.token({ grant_type: 'urn:example:forge' }, { client: ['forger', secret] })
  assertNothingForged(json.access_token)
})

test('attack: a profile hook can’t set the server’s own claims of an ID token, or those that bind it to something', async () => {
  const { client_id, scope, authorization_id, cnf, ...others } = registered
  const bindings = { nonce: 'forged', azp: 'forged', at_hash: 'forged', c_hash: 'forged', s_hash: 'forged' }
  const claims = { ...others, ...bindings, role: 'geek' }
  const including = (client: object) => ({ ...client, always_include_user_claims_in_id_token: true })
  const server = await createTestServer({
    ...world,
    identity_resources: [...world.identity_resources, { name: 'profile', claims: Object.keys(claims) }],
    clients: world.clients.map(client => (client.client_id === 'web' ? including(client) : client)),
    profile: { claims: () => claims },
  })
  const code = await issueCode(server, { scope: ['openid', 'profile'] })
  const form = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri }
  const { json } = await server.token(form, { client: ['web', secret] })
  assertNothingForged(json.id_token)
  assert.equal(claimsOf(json.id_token).role, 'geek')
})

test('attack: unsigned, re-signed and re-labelled access tokens are refused', async () => {
  const server = await createTestServer(world)
  const good = await userToken(server)
  const [header = '', payload = '', signature = ''] = good.split('.')
  const head = JSON.parse(Buffer.from(header, 'base64url').toString())
  const pack = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const { keys } = (await server.send('GET', '/.well-known/openid-configuration/jwks')).json
  const published = keys.find((key: { kid: string }) => key.kid === head.kid)
  const pem = createPublicKey({ key: published, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signed = (input: string) =>
    `${input}.${sign('sha256', Buffer.from(input), { key: own.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  const hmac = (input: string, key: string | Buffer) =>
    `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
  const jwk = own.publicKey.export({ format: 'jwk' })
  const forgeries = {
    'alg none': `${pack({ ...head, alg: 'none' })}.${payload}.`,
    'alg None with a signature': `${pack({ ...head, alg: 'None' })}.${payload}.${signature}`,
    'HMAC with the public key': hmac(`${pack({ ...head, alg: 'HS256' })}.${payload}`, pem),
    'HMAC with the JWK': hmac(`${pack({ ...head, alg: 'HS256' })}.${payload}`, JSON.stringify(published)),
    'a key of the attacker in the header': signed(`${pack({ ...head, jwk })}.${payload}`),
    'a key by URL': signed(`${pack({ ...head, jku: 'https://evil.example/jwks' })}.${payload}`),
    'another kid': signed(`${pack({ ...head, kid: 'mine' })}.${payload}`),
    'a kid that is a path': signed(`${pack({ ...head, kid: '../../etc/passwd' })}.${payload}`),
    'a kid of the prototype': signed(`${pack({ ...head, kid: '__proto__' })}.${payload}`),
    'a kid that is not a string': signed(`${pack({ ...head, kid: { toString: 1 } })}.${payload}`),
    'the zero signature': `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`,
    'half a signature': `${header}.${payload}.${signature.slice(0, 43)}`,
    'a crit header': `${pack({ ...head, crit: ['exp'] })}.${payload}.${signature}`,
    'another payload': `${header}.${pack({ ...claimsOf(good), sub: '3' })}.${signature}`,
    'a header that is a list': `${Buffer.from('[]').toString('base64url')}.${payload}.${signature}`,
    'a header that is null': `${Buffer.from('null').toString('base64url')}.${payload}.${signature}`,
    padding: `${good}=`,
    'a fourth part': `${good}.${signature}`,
    'white space': ` ${good}`,
    'no part': '..',
  }
  for (const [what, token] of Object.entries(forgeries)) {
    const { status, json } = await userinfo(server, token)
    if (what !== 'white space') assert.equal(status, 401, what)
    assert.notEqual(json?.sub, '3', what)
    assert.deepEqual((await introspect(server, token, 'roclient')).json, { active: false }, what)
    const exchanged = await exchange(server, { subject_token: token })
    assertRefused(exchanged, 'invalid_request', 'subject_token_invalid', what)
  }
})

test('attack: an ID token, a refresh token or a code is not accepted as an access token', async () => {
  const server = await createTestServer(
    withClients({ client_id: 'roclient', grant_types: ['password', 'refresh_token'] } as never),
  )
  const first = await server.token(
    { grant_type: 'password', username: 'bob', password: 'bob', scope: 'openid api1 offline_access' },
    { client: ['roclient', secret] },
  )
  const { json } = await server.token(
    { grant_type: 'refresh_token', refresh_token: first.json.refresh_token },
    { client: ['roclient', secret] },
  )
  assert.ok(json.id_token)
  for (const token of [json.id_token, json.refresh_token]) {
    assert.equal((await userinfo(server, token)).status, 401)
    assertRefused(
      await exchange(server, { subject_token: token }),
      'invalid_request',
      'subject_token_invalid',
    )
  }
  assert.deepEqual((await introspect(server, json.id_token, 'roclient')).json, { active: false })
  const asRefresh = await server.token(
    { grant_type: 'refresh_token', refresh_token: json.access_token },
    { client: ['roclient', secret] },
  )
  assertRefused(asRefresh, 'invalid_grant', 'refresh_token_malformed')
})

test('attack: the token of another server with the same master key but another issuer is refused', async () => {
  const server = await createTestServer(world)
  const other = await createTestServer(
    { ...world, issuer: 'https://other.example' },
    { stores: server.stores },
  )
  const token = await userToken(other)
  assert.equal((await userinfo(server, token)).status, 401)
  assert.deepEqual((await introspect(server, token, 'roclient')).json, { active: false })
})

const forwarded = (server: TestServer, may_act: unknown): Promise<string> =>
  userToken(server, { scope: 'api1' }).then(token => {
    assert.deepEqual(claimsOf(token).may_act, may_act)
    return token
  })

const withMayAct = (may_act: unknown) => ({
  ...world,
  api_scopes: world.api_scopes.map(scope => ({ ...scope, claims: ['may_act'] })),
  users: world.users.map(user => ({ ...user, claims: { ...user.claims, may_act } })),
})

test('attack: a client not named in may_act can’t act, with an actor token or without one [RFC 8693 §4.4]', async () => {
  const nobody = await createTestServer(withMayAct({ sub: 'somebody-else' }))
  const subject_token = await forwarded(nobody, { sub: 'somebody-else' })
  const actor = { actor_token: await machineToken(nobody), actor_token_type: accessTokenType }
  assertRefused(await exchange(nobody, { subject_token, ...actor }), 'invalid_request', 'actor_not_allowed')
  assertRefused(await exchange(nobody, { subject_token }), 'invalid_request', 'actor_not_allowed')

  const named = await createTestServer(withMayAct({ sub: 'exchanger' }))
  const own = await forwarded(named, { sub: 'exchanger' })
  assert.equal((await exchange(named, { subject_token: own })).status, 200)
})

for (const may_act of [
  {},
  { sub: 'client', client_id: 'else' },
  { sub: 'client', iss: 'https://x' },
  { sub: 'client', email: 'a@b' },
  'client',
  ['client'],
  null,
  1,
]) {
  test(`attack: a may_act of ${JSON.stringify(may_act)} does not allow the requester`, async () => {
    const server = await createTestServer(withMayAct(may_act))
    const subject_token = await forwarded(server, may_act)
    const actor = { actor_token: await machineToken(server), actor_token_type: accessTokenType }
    const { status } = await exchange(server, { subject_token, ...actor })
    assert.equal(status, 400)
  })
}

test('attack: a chain of exchanges never gains scope, lifetime or an audience outside its scope', async () => {
  const server = await createTestServer(world)
  let token = await userToken(server, { scope: 'openid api1 api2' })
  const end = claimsOf(token).exp
  for (let hop = 0; hop < 5; hop++) {
    server.clock.advance(300)
    const wide = await exchange(server, { subject_token: token, scope: 'api1 other_api' })
    assert.equal(wide.json.error, 'invalid_scope')
    const elsewhere = await exchange(server, { subject_token: token, audience: 'urn:other' })
    assert.equal(elsewhere.json.error, 'invalid_target')
    const { json } = await exchange(server, { subject_token: token, scope: 'api1' })
    assert.equal(json.scope, 'api1')
    token = json.access_token
    assert.ok(claimsOf(token).exp <= end)
    assert.equal(
      (await exchange(server, { subject_token: token, scope: 'api1 api2' })).json.error,
      'invalid_scope',
    )
  }
})

test('attack: a token limited to one API can’t be exchanged for another that shares its scope [RFC 8707 §2.2]', async () => {
  const server = await createTestServer({
    ...world,
    api_resources: [
      { name: 'urn:orders', scopes: ['api1'] },
      { name: 'urn:payroll', scopes: ['api1', 'api2'] },
    ],
  })
  const limited = await userToken(server, { resource: 'urn:orders' })
  assert.equal(claimsOf(limited).aud, 'urn:orders')
  for (const more of [{}, { scope: 'api1' }, { audience: 'urn:orders' }] as Record<string, string>[]) {
    const { json } = await exchange(server, { subject_token: limited, ...more })
    assert.equal(claimsOf(json.access_token).aud, 'urn:orders', JSON.stringify(more))
  }
  for (const more of [{ audience: 'urn:payroll' }, { resource: 'urn:payroll' }] as Record<string, string>[]) {
    const { json } = await exchange(server, { subject_token: limited, ...more })
    assert.equal(json.error, 'invalid_target')
  }
  // An unlimited token is for all of them, and for one of them if requested.
  const free = await userToken(server)
  const all = await exchange(server, { subject_token: free })
  assert.deepEqual(claimsOf(all.json.access_token).aud, ['urn:orders', 'urn:payroll'])
  const one = await exchange(server, { subject_token: free, audience: 'urn:payroll' })
  assert.equal(claimsOf(one.json.access_token).aud, 'urn:payroll')
})

test('attack: a client of one tenant gets no token of another tenant’s user by exchange or assertion', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const clients = [
    ...world.clients,
    {
      client_id: 'ofglobex',
      client_secrets: [{ value: secret }],
      grant_types: [exchangeGrant, bearerGrant],
      scope: 'api1',
      tenants: ['globex'],
    },
  ]
  const server = await createTestServer({
    ...world,
    clients,
    trusted_issuers: [{ issuer: 'https://partner.example', jwks: { keys: [await exportJWK(publicKey)] } }],
  })
  const carol = await userToken(server, {
    username: 'carol',
    password: 'carol',
    acr_values: 'tenant:acme',
    scope: 'api1',
  })
  const byExchange = await exchange(server, { subject_token: carol }, 'ofglobex')
  assertRefused(byExchange, 'invalid_grant', 'user_of_another_tenant')
  const assertion = await new SignJWT({
    iss: 'https://partner.example',
    sub: '3',
    aud: issuer,
    exp: startOfTime + 60,
  })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey)
  const byAssertion = await server.token(
    { grant_type: bearerGrant, assertion },
    { client: ['ofglobex', secret] },
  )
  assertRefused(byAssertion, 'invalid_grant', 'user_of_another_tenant')
  // A client that may use every tenant, or the user's, is served.
  assert.equal((await exchange(server, { subject_token: carol })).status, 200)
})

/** P-256: (r, n − s) verifies wherever (r, s) does. */
function otherSignature(jwt: string): string {
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const [header, payload, signature = ''] = jwt.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  const s = BigInt(`0x${bytes.toString('hex', 32)}`)
  const flipped = Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex')
  return `${header}.${payload}.${Buffer.concat([bytes.subarray(0, 32), flipped]).toString('base64url')}`
}

test('attack: an assertion without jti can’t be used again with another spelling of its signature', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const server = await createTestServer({
    ...world,
    trusted_issuers: [{ issuer: 'https://partner.example', jwks: { keys: [await exportJWK(publicKey)] } }],
    clients: [
      ...world.clients,
      { client_id: 'bearer', client_secrets: [{ value: secret }], grant_types: [bearerGrant], scope: 'api1' },
    ],
  })
  const redeem = (assertion: string) =>
    server.token({ grant_type: bearerGrant, assertion }, { client: ['bearer', secret] })
  const assertion = await new SignJWT({
    iss: 'https://partner.example',
    sub: '88421113',
    aud: issuer,
    exp: startOfTime + 60,
  })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey)
  assert.equal((await redeem(assertion)).status, 200)
  for (const again of [assertion, otherSignature(assertion)])
    assertRefused(await redeem(again), 'invalid_grant', 'assertion_replayed')
  for (const other of [`${assertion}=`, ` ${assertion}`])
    assertRefused(await redeem(other), 'invalid_grant', 'assertion_invalid')
})

test('attack: a client can’t sign in as a user: a subject with a client’s id is refused [RFC 9700 §4.15]', async () => {
  const server = await createTestServer({
    ...world,
    validators: {
      password: { check: ({ username }: { username: string }) => ({ ok: true, sub: username }) },
    },
  })
  const signIn = (username: string) =>
    server.token(
      { grant_type: 'password', username, password: 'x', scope: 'api1' },
      { client: ['roclient', secret] },
    )
  assert.equal((await signIn('dave')).status, 200)
  for (const username of ['roclient', 'client', 'web']) {
    assertRefused(await signIn(username), 'invalid_grant', 'subject_is_a_client', username)
  }
  const browser = createBrowser(server)
  const page = await browser.visit(authorizePath())
  const answer = answerOf(
    await browser.submit(page, { username: 'roclient', password: 'x', button: 'login' }),
  )
  assert.equal(answer.get('error'), 'access_denied')
  assert.equal(server.reason(), 'subject_is_a_client')
})

for (const [what, decision] of [
  ['negative', { lifetime: -1 }],
  ['zero', { lifetime: 0 }],
  ['not a number', { lifetime: Number.NaN }],
] as const) {
  test(`attack: a grant whose lifetime is ${what} issues nothing`, async () => {
    const server = await createTestServer(withGrant(() => ({ ok: true, ...decision })))
    const { status, json, reason } = await server.token(
      { grant_type: 'urn:example:odd' },
      { client: ['odd', secret] },
    )
    assert.equal(status, 400)
    assertRefused({ json, reason }, 'invalid_grant', 'extension_lifetime_invalid')
  })
}

const withGrant = (decide: (request: any, context: any) => unknown, more: object = {}) => ({
  ...world,
  grants: [{ grantType: 'urn:example:odd', parameters: {}, decide }],
  clients: [
    ...world.clients,
    {
      client_id: 'odd',
      client_secrets: [{ value: secret }],
      grant_types: ['urn:example:odd', 'refresh_token'],
      scope: 'api1 api2 offline_access',
    },
  ],
  ...more,
})

test('attack: a fractional lifetime is rounded down', async () => {
  const server = await createTestServer(withGrant(() => ({ ok: true, lifetime: 59.9 })))
  const { json } = await server.token({ grant_type: 'urn:example:odd' }, { client: ['odd', secret] })
  assert.equal(json.expires_in, 59)
  assert.equal(claimsOf(json.access_token).exp, startOfTime + 59)
})

test('attack: a token for another client has no scope that this client could not have', async () => {
  const server = await createTestServer(withGrant(() => ({ ok: true, client_id: 'device2' })))
  const ask = (scope: string) =>
    server.token({ grant_type: 'urn:example:odd', scope }, { client: ['odd', secret] })
  assert.equal((await ask('api1')).json.scope, 'api1')
  assert.equal((await ask('api1 api2')).json.error, 'invalid_scope')
})

test('attack: while a slow hook runs, no derived token outlives its source', async () => {
  let pause = () => {}
  const server: TestServer = await createTestServer({
    ...world,
    api_scopes: world.api_scopes.map(scope => ({ ...scope, claims: ['role'] })),
    profile: {
      claims: async () => {
        pause()
        return { role: 'x' }
      },
    },
  })
  const subject_token = await userToken(server)
  pause = () => server.clock.advance(100)
  const { json } = await exchange(server, { subject_token })
  assert.equal(claimsOf(json.access_token).exp, claimsOf(subject_token).exp)
  assert.equal(json.expires_in, 3500)
})

test('attack: while a slow hook runs, no token outlives its authorization', async () => {
  let pause = () => {}
  const server: TestServer = await createTestServer({
    ...world,
    profile: {
      claims: async () => {
        pause()
        return {}
      },
    },
  })
  pause = () => server.clock.advance(3000)
  const token = await userToken(server, { scope: 'api1' })
  const { exp, authorization_id } = claimsOf(token)
  const authorization = await server.stores.authorizations.find(authorization_id)
  assert.ok(authorization && authorization.expires_at >= exp)
})

test('attack: names with separators can’t make one audience pass for another', async () => {
  const server = await createTestServer({
    clients: [
      {
        client_id: 'client',
        client_secrets: [{ value: secret }],
        grant_types: ['client_credentials'],
        scope: 'a a|urn:b',
      },
    ],
    api_scopes: [{ name: 'a' }, { name: 'a|urn:b' }],
    api_resources: [
      { name: 'urn:b|', scopes: ['a'] },
      { name: 'urn:c', scopes: ['a|urn:b'] },
    ],
  })
  const ask = async (form: Record<string, string>) =>
    (await server.token({ grant_type: 'client_credentials', ...form }, { client: ['client', secret] })).json
  const first = await ask({ scope: 'a|urn:b' })
  const second = await ask({ scope: 'a', resource: 'urn:b|' })
  assert.deepEqual([first.scope, claimsOf(first.access_token).aud], ['a|urn:b', 'urn:c'])
  assert.deepEqual([second.scope, claimsOf(second.access_token).aud], ['a', 'urn:b|'])
})
