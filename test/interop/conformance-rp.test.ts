/**
 * The app of `examples/conformance-rp` against a provider that deviates from the specification, in more points than the
 * modules of the conformance suite have. `conformance-rp-plans.test.ts` runs the modules of its plans.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, exportJWK, generateKeyPair, type JSONWebKeySet, jwtVerify } from 'jose'
import { createScriptedOp, type Deviation } from '../client/scripted-op.ts'

// Examples are not part of the tested packages, so their types are not imported.
const { createApp } = await import('../../examples/conformance-rp/app.ts')
const { readSettings } = await import('../../examples/conformance-rp/settings.ts')

const baseUrl = 'https://rp.example'

/** One key for all apps, because creating one takes longer than a sign-in. */
const { privateKey } = await generateKeyPair('RS256', { extractable: true })
const PRIVATE_JWK = JSON.stringify({ ...(await exportJWK(privateKey)), kid: 'rp' })

/** Starts the app and a provider for one module. */
async function startModule(deviation: Deviation, environment: Readonly<Record<string, string>> = {}) {
  const op = createScriptedOp(deviation)
  const settings = readSettings({ ISSUER: op.issuer, BASE_URL: baseUrl, PRIVATE_JWK, ...environment })
  const app = await createApp(settings, op.fetch)
  const visit = (url: string, init: RequestInit = {}): Promise<Response> => app(new Request(url, init))
  op.fetchRequestObject = async uri => {
    const [url = '', fragment] = uri.split('#')
    const object = await (await visit(url)).text()
    assert.equal(createHash('sha256').update(object).digest('base64url'), fragment)
    return object
  }

  /** Signs in as a browser does; returns the outcome that the app shows. */
  async function signIn(start = '/start', { keepCookie = true } = {}) {
    const started = await visit(`${baseUrl}${start}`)
    if (started.status !== 302) return started.json()
    const { mode, redirectUri, parameters } = await op.authorize(started.headers.get('location') ?? '')
    const [cookie = ''] = keepCookie ? (started.headers.get('set-cookie') ?? '').split(';') : []
    if (mode === 'query') return (await visit(`${redirectUri}?${parameters}`, { headers: { cookie } })).json()
    if (mode === 'fragment') {
      const page = await visit(redirectUri, { headers: { cookie } })
      assert.match(await page.text(), /location\.hash/)
    }
    return (await visit(redirectUri, { method: 'POST', headers: { cookie }, body: `${parameters}` })).json()
  }
  return { op, signIn, visit }
}

const flows = [
  { RESPONSE_TYPE: 'code' },
  { RESPONSE_TYPE: 'id_token' },
  { RESPONSE_TYPE: 'id_token token' },
  { RESPONSE_TYPE: 'code id_token' },
  { RESPONSE_TYPE: 'code token' },
  { RESPONSE_TYPE: 'code id_token token' },
].flatMap(flow => [flow, { ...flow, RESPONSE_MODE: 'form_post' }])

const nameOf = ({ RESPONSE_TYPE, ...rest }: { RESPONSE_TYPE: string; RESPONSE_MODE?: string }): string =>
  [RESPONSE_TYPE, ...Object.values(rest)].join(', ')

const userinfoOf = (type: string) => type !== 'id_token'

/** Deviations with which the app must sign the user in. */
const accepted: Readonly<Record<string, Deviation>> = {
  'a key set with keys that can not be parsed': {
    otherKeys: [
      { kty: 'AKP', alg: 'ML-DSA-99', kid: 'pq', pub: 'AAAA' },
      { kty: 'made-up', kid: 'unknown' },
    ],
  },
}

for (const flow of flows)
  for (const [name, deviation] of Object.entries(accepted))
    test(`conformance RP (${nameOf(flow)}): ${name} signs the user in`, async () => {
      const { op, signIn } = await startModule(deviation, flow)
      const { outcome, claims, userinfo, error } = await signIn()
      assert.deepEqual([outcome, error], ['signed_in', undefined])
      assert.equal(claims.sub, 'user-1')
      const { RESPONSE_TYPE } = flow
      if (userinfoOf(RESPONSE_TYPE)) {
        assert.deepEqual([userinfo.sub, userinfo.email], ['user-1', 'alice@example.com'])
        const sent = op.requests.find(({ endpoint }) => endpoint === 'userinfo')?.request
        assert.match(sent?.headers.get('authorization') ?? '', /^Bearer /)
        assert.equal(new URL(sent?.url ?? '').search, '')
      }
      const { form } = op.requests.find(({ endpoint }) => endpoint === 'authorize') ?? assert.fail()
      assert.equal(form.get('scope'), 'openid profile email address phone')
      assert.ok(form.get('nonce') && form.get('state'))
      assert.equal(
        op.requests.filter(({ endpoint }) => endpoint === 'token').length,
        RESPONSE_TYPE.includes('code') ? 1 : 0,
      )
    })

/** Deviations that the app must refuse, and the code of its error. */
const refused: Readonly<Record<string, readonly [Deviation, string]>> = {
  'an ID token that another key has signed': [{ signature: 'wrong_key' }, 'signature_invalid'],
  'an ID token that the secret has signed': [{ signature: 'secret' }, 'algorithm_not_allowed'],
  'an unsigned ID token': [{ signature: 'none' }, 'algorithm_not_allowed'],
  'an ID token without aud': [{ idToken: c => ({ ...c, aud: undefined }) }, 'audience_mismatch'],
  'a response with another state': [{ response: p => ({ ...p, state: 'another' }) }, 'state_mismatch'],
  'a response with the iss of another server (RFC 9207)': [
    { response: p => ({ ...p, iss: 'https://other.example' }) },
    'issuer_mismatch',
  ],
  'a response with an error': [
    { response: ({ state }) => ({ state: `${state}`, error: 'access_denied' }) },
    'access_denied',
  ],
}

for (const flow of flows)
  for (const [name, [deviation, code]] of Object.entries(refused))
    test(`conformance RP (${nameOf(flow)}): ${name} is refused`, async () => {
      const { op, signIn } = await startModule(deviation, flow)
      const { outcome, claims, error } = await signIn()
      assert.deepEqual([outcome, error?.code, claims], ['refused', code, undefined])
      // Nothing is sent with a token of a response that was refused.
      assert.ok(!op.endpoints().includes('userinfo'))
    })

test('conformance RP: oidcc-client-test-discovery-openid-config, -jwks-uri-keys and -dynamic-registration send their requests', async () => {
  const { op, signIn } = await startModule({})
  await signIn()
  assert.deepEqual(op.endpoints(), [
    '.well-known/openid-configuration',
    'register',
    'authorize',
    'token',
    'jwks',
    'userinfo',
  ])
  const [{ redirect_uris, contacts, token_endpoint_auth_method }] = op.clients() as [Record<string, unknown>]
  assert.deepEqual(redirect_uris, [`${baseUrl}/callback`])
  assert.deepEqual([contacts, token_endpoint_auth_method], [['rp@example.com'], 'client_secret_basic'])
})

for (const [path, outcome, endpoints] of [
  ['/discover', 'discovered', ['.well-known/openid-configuration']],
  ['/keys', 'keys_found', ['.well-known/openid-configuration', 'jwks']],
  ['/register', 'registered', ['.well-known/openid-configuration', 'register']],
] as const)
  test(`conformance RP: ${path} sends the requests of its step and no others`, async () => {
    const { op, visit } = await startModule({})
    const shown = (await (await visit(baseUrl + path)).json()) as { readonly outcome: string }
    assert.equal(shown.outcome, outcome)
    assert.deepEqual(op.endpoints(), endpoints)
  })

test('conformance RP: oidcc-client-test-discovery-issuer-mismatch ends before an authorization request', async () => {
  const { op, signIn } = await startModule({ metadata: m => ({ ...m, issuer: 'https://op.example/other/' }) })
  const { outcome, error } = await signIn()
  assert.deepEqual([outcome, error.code], ['refused', 'issuer_mismatch'])
  assert.deepEqual(op.endpoints(), ['.well-known/openid-configuration'])
})

for (const [module, resource] of [
  ['oidcc-client-test-discovery-webfinger-acct', 'acct:tessera.oidcc-client-test@op.example'],
  ['oidcc-client-test-discovery-webfinger-url', 'https://op.example/tessera/oidcc-client-test'],
] as const)
  test(`conformance RP: ${module} finds the issuer`, async () => {
    const { op, signIn } = await startModule({}, { ISSUER: '', RESOURCE: resource })
    assert.equal((await signIn()).outcome, 'signed_in')
    const [first, second] = op.requests
    assert.equal(first?.endpoint, '/.well-known/webfinger')
    assert.equal(new URL(first?.request.url ?? '').searchParams.get('resource'), resource)
    assert.equal(second?.request.url, `${op.issuer}.well-known/openid-configuration`)
  })

for (const rotation of ['at_sign_in', 'before_signing'] as const)
  test(`conformance RP: keys that rotate ${rotation} are requested again, without another sign-in`, async () => {
    const { op, signIn } = await startModule({ rotation })
    const jwks = (): number => op.endpoints().filter(endpoint => endpoint === 'jwks').length
    assert.equal((await signIn()).outcome, 'signed_in')
    assert.equal(jwks(), 1)
    assert.equal((await signIn('/start?again')).outcome, 'signed_in')
    assert.equal(jwks(), 2)
    assert.equal(op.endpoints().filter(endpoint => endpoint === 'register').length, 1)
  })

for (const REQUEST_OBJECT of ['value', 'reference'])
  for (const REQUEST_OBJECT_ALG of ['RS256', 'none'])
    test(`conformance RP: a request object by ${REQUEST_OBJECT} with ${REQUEST_OBJECT_ALG} [oidcc-client-test-request-uri-signed]`, async () => {
      const { op, signIn } = await startModule({}, { REQUEST_OBJECT, REQUEST_OBJECT_ALG })
      const verified: string[] = []
      const fetched = op.fetchRequestObject
      op.fetchRequestObject = async uri => {
        const object = await fetched(uri)
        verified.push(object)
        return object
      }
      assert.equal((await signIn()).outcome, 'signed_in')
      assert.equal(op.requestObjectHeaders[0]?.alg, REQUEST_OBJECT_ALG)
      const [client] = op.clients()
      assert.equal(client?.request_object_signing_alg, REQUEST_OBJECT_ALG)
      const sent = op.requests.find(({ endpoint }) => endpoint === 'authorize')?.request.url ?? ''
      const query = new URL(sent).searchParams
      assert.deepEqual([query.get('client_id'), query.get('nonce')], [client?.client_id, null])
      const object = query.get('request') ?? verified[0] ?? ''
      if (REQUEST_OBJECT_ALG === 'RS256')
        await jwtVerify(object, createLocalJWKSet(client?.jwks as JSONWebKeySet), {
          issuer: `${client?.client_id}`,
          audience: op.issuer,
        })
    })

test('conformance RP: oidcc-client-test-userinfo-signed: a signed userinfo response is verified', async () => {
  const { op, signIn } = await startModule({ signedUserinfo: true }, { SIGNED_USERINFO: '1' })
  const { outcome, userinfo, error } = await signIn()
  assert.deepEqual([outcome, error], ['signed_in', undefined])
  assert.equal(userinfo.sub, 'user-1')
  assert.equal(op.clients()[0]?.userinfo_signed_response_alg, 'RS256')
})

for (const CLIENT_AUTH_METHOD of [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'none',
])
  test(`conformance RP: the token request is authenticated by ${CLIENT_AUTH_METHOD}`, async () => {
    const { op, signIn } = await startModule({}, { CLIENT_AUTH_METHOD })
    assert.equal((await signIn()).outcome, 'signed_in')
    const { request, form } = op.requests.find(({ endpoint }) => endpoint === 'token') ?? assert.fail()
    const [client] = op.clients()
    const present = {
      client_secret_basic: request.headers.has('authorization'),
      client_secret_post: form.get('client_secret') === client?.client_secret,
      client_secret_jwt: form.has('client_assertion'),
      private_key_jwt: form.has('client_assertion'),
      none: form.get('client_id') === client?.client_id,
    }
    assert.ok(present[CLIENT_AUTH_METHOD as 'none'])
    assert.equal(form.has('client_secret'), CLIENT_AUTH_METHOD === 'client_secret_post')
    if (CLIENT_AUTH_METHOD === 'private_key_jwt')
      await jwtVerify(form.get('client_assertion') ?? '', createLocalJWKSet(client?.jwks as JSONWebKeySet), {
        subject: `${client?.client_id}`,
        audience: op.issuer,
      })
  })

test('conformance RP: client assertions can name the token endpoint', async () => {
  const { op, signIn } = await startModule(
    {},
    {
      CLIENT_AUTH_METHOD: 'private_key_jwt',
      CLIENT_ASSERTION_AUDIENCE: 'token_endpoint',
    },
  )
  assert.equal((await signIn()).outcome, 'signed_in')
  const { form } = op.requests.find(({ endpoint }) => endpoint === 'token') ?? assert.fail()
  const keys = createLocalJWKSet(op.clients()[0]?.jwks as JSONWebKeySet)
  await jwtVerify(form.get('client_assertion') ?? '', keys, { audience: `${op.issuer}token` })
})

test('conformance RP: a configured client does not register itself', async () => {
  const { op, signIn } = await startModule({}, { CLIENT_ID: 'static', CLIENT_SECRET: 'secret' })
  assert.equal((await signIn()).outcome, 'signed_in')
  assert.ok(!op.endpoints().includes('register'))
})

test('conformance RP: a response that comes to another browser is refused', async () => {
  const { op, signIn } = await startModule({})
  const { outcome, error } = await signIn('/start', { keepCookie: false })
  assert.deepEqual([outcome, error.code], ['refused', 'no_sign_in'])
  assert.ok(!op.endpoints().includes('token'))
})
