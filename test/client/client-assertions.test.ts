import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type AssertionOptions,
  asymmetricAlgorithms,
  type ClientAuthentication,
  clientCredentials,
  clientSecretJwt,
  createAuthorizationRequest,
  createClient,
  introspectToken,
  privateKeyJwt,
  type SigningKeyOptions,
  tlsClientAuth,
  workloadIdentity,
} from '@tessera/client'
import { tokenFile } from '@tessera/client/node'
import { decodeJwt, decodeProtectedHeader, exportJWK, exportPKCS8, importJWK, jwtVerify } from 'jose'
import { jwkOfOne, one, two } from '../support/certificates.ts'
import { claimsOf } from '../support/tessera.ts'
import { startTessera } from './servers.ts'
import { createKey, type KeyPair } from './token-server.ts'

const keys = new Map(
  await Promise.all(asymmetricAlgorithms.map(async alg => [alg, await createKey(alg)] as const)),
)
const keyOf = (alg: (typeof asymmetricAlgorithms)[number]): KeyPair => keys.get(alg)!
const stranger = await createKey('ES256')

const machine = { grant_types: ['client_credentials'], scope: 'api1' }
const jwks = { keys: [...keys.values()].map(({ jwk }) => jwk) }
const world = await startTessera({
  signature_algorithms: asymmetricAlgorithms,
  clients: [
    { ...machine, client_id: 'signer', token_endpoint_auth_method: 'private_key_jwt', jwks },
    {
      ...{ ...machine, client_id: 'strict', token_endpoint_auth_method: 'private_key_jwt', jwks },
      client_assertion_audience: 'issuer',
    },
  ],
  api_scopes: [{ name: 'api1' }],
})
const { issuer, fetch, server, sent } = world

const requestAs = (authentication: ClientAuthentication, client_id = 'signer') =>
  clientCredentials(createClient({ issuer, client_id, authentication, fetch, now: server.clock.now }))

const sentAssertion = (): string =>
  new URLSearchParams(`${sent.at(-1)?.init.body}`).get('client_assertion') ?? ''

async function accepts(authentication: ClientAuthentication, client_id = 'signer'): Promise<void> {
  const tokens = await requestAs(authentication, client_id)
  assert.ok(tokens.ok, `${server.reason()}`)
  assert.equal(claimsOf(tokens.value.access_token).client_id, client_id)
}

async function refuses(
  authentication: ClientAuthentication,
  reason: string,
  client_id?: string,
): Promise<void> {
  const tokens = await requestAs(authentication, client_id)
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'invalid_client')
  assert.equal(server.reason(), reason)
  assert.ok(!JSON.stringify([tokens.error, tokens.error.message]).includes(sentAssertion()))
}

for (const alg of asymmetricAlgorithms) {
  const { privateKey, jwk } = keyOf(alg)
  const { kid } = jwk
  const forms: Readonly<Record<string, () => Promise<ClientAuthentication>>> = {
    'a CryptoKey': async () => privateKeyJwt(privateKey, { alg, kid }),
    'a JWK': async () => privateKeyJwt({ ...(await exportJWK(privateKey)), kty: jwk.kty!, alg, kid: kid! }),
    PEM: async () => privateKeyJwt(await exportPKCS8(privateKey), { alg, kid }),
  }
  for (const [name, authentication] of Object.entries(forms))
    test(`private_key_jwt: a client signs with ${alg} and a key as ${name}`, async () => {
      await accepts(await authentication())
      assert.deepEqual(decodeProtectedHeader(sentAssertion()), { alg, kid, typ: 'JWT' })
    })
}

/** The algorithm that a key has by default. */
const defaults = {
  RS256: 'RS256',
  PS256: 'RS256',
  ES256: 'ES256',
  ES384: 'ES384',
  ES512: 'ES512',
  EdDSA: 'EdDSA',
}

for (const [alg, expected] of Object.entries(defaults))
  test(`private_key_jwt: a PEM of a key for ${alg} signs with ${expected} if no algorithm is given`, async () => {
    const request = { client_id: 'signer', url: issuer, metadata: { issuer }, now: 1 }
    const pem = await exportPKCS8(keyOf(alg as never).privateKey)
    const { parameters } = await privateKeyJwt(pem).credentials(request)
    assert.deepEqual(decodeProtectedHeader(parameters?.client_assertion ?? ''), { alg: expected, typ: 'JWT' })
  })

test('private_key_jwt: a CryptoKey and a JWK sign with their own algorithm', async () => {
  const request = { client_id: 'signer', url: issuer, metadata: { issuer }, now: 1 }
  for (const alg of ['RS384', 'PS512', 'ES384', 'EdDSA'] as const) {
    const { privateKey, jwk } = keyOf(alg)
    for (const key of [privateKey, { ...(await exportJWK(privateKey)), alg, kty: jwk.kty! }]) {
      const { parameters } = await privateKeyJwt(key).credentials(request)
      assert.equal(decodeProtectedHeader(parameters?.client_assertion ?? '').alg, alg)
    }
  }
})

test('private_key_jwt: the assertion names the client and the issuer, and lasts a minute [RFC 7523 §3]', async () => {
  const { privateKey, jwk } = keyOf('ES256')
  await accepts(privateKeyJwt(privateKey, { kid: jwk.kid }))
  const { jti, ...claims } = decodeJwt(sentAssertion())
  const now = server.clock.now()
  assert.deepEqual(claims, { iss: 'signer', sub: 'signer', aud: issuer, iat: now, exp: now + 60 })
  assert.match(jti ?? '', /^[\w-]{22}$/)
  const form = new URLSearchParams(`${sent.at(-1)?.init.body}`)
  assert.equal(form.get('client_id'), 'signer')
  assert.equal(form.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
})

test('private_key_jwt: each request has an assertion of its own', async () => {
  const { privateKey, jwk } = keyOf('ES256')
  const authentication = privateKeyJwt(privateKey, { kid: jwk.kid })
  await accepts(authentication)
  const first = sentAssertion()
  await accepts(authentication)
  assert.notEqual(decodeJwt(first).jti, decodeJwt(sentAssertion()).jti)
})

test('private_key_jwt: an assertion that someone intercepted is refused [RFC 7523 §3 (7)]', async () => {
  const { privateKey, jwk } = keyOf('ES256')
  await accepts(privateKeyJwt(privateKey, { kid: jwk.kid }))
  const replay = await server.token(`${sent.at(-1)?.init.body}`)
  assert.equal(replay.json.error, 'invalid_client')
  assert.equal(replay.reason, 'client_assertion_replayed')
})

const es256 = (options: AssertionOptions & SigningKeyOptions = {}): ClientAuthentication =>
  privateKeyJwt(keyOf('ES256').privateKey, { kid: keyOf('ES256').jwk.kid, ...options })

test('private_key_jwt: the audience can be the token endpoint, for servers that require it', async () => {
  await accepts(es256({ audience: 'token_endpoint' }))
  assert.equal(decodeJwt(sentAssertion()).aud, `${issuer}/connect/token`)
})

test('private_key_jwt: a server that accepts the issuer only refuses the token endpoint as audience', async () => {
  await accepts(es256(), 'strict')
  await refuses(es256({ audience: 'token_endpoint' }), 'client_assertion_audience_wrong', 'strict')
})

test('private_key_jwt: the type of assertions of the current draft is accepted [rfc7523bis §4]', () =>
  accepts(es256({ typ: 'client-authentication+jwt' })))

const refused: Readonly<Record<string, readonly [string, ClientAuthentication]>> = {
  'for another server': ['client_assertion_audience_wrong', es256({ audience: 'https://other.example' })],
  'with another type': ['client_assertion_type_wrong', es256({ typ: 'at+jwt' })],
  'that lasts for a day': ['client_assertion_lives_too_long', es256({ lifetime: 86_400 })],
  'that has expired': ['client_assertion_invalid', es256({ lifetime: -120 })],
  'with a key that the server does not know': [
    'client_assertion_invalid',
    privateKeyJwt(stranger.privateKey, { kid: keyOf('ES256').jwk.kid }),
  ],
  'with a key id that the server does not know': ['client_assertion_invalid', es256({ kid: 'other' })],
}

for (const [name, [reason, authentication]] of Object.entries(refused))
  test(`private_key_jwt: the server refuses an assertion ${name}`, () => refuses(authentication, reason))

const short = await crypto.subtle.generateKey(
  {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 1024,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
  true,
  ['sign', 'verify'],
)
const rsaPem = await exportPKCS8(keyOf('RS256').privateKey)
const ecJwk = { ...(await exportJWK(keyOf('ES256').privateKey)), kty: 'EC' }

const publicKey = (await importJWK(keyOf('ES256').jwk)) as CryptoKey

const unusable: Readonly<Record<string, () => ClientAuthentication>> = {
  'an RSA key of 1024 bits as CryptoKey': () => privateKeyJwt(short.privateKey),
  'a public CryptoKey': () => privateKeyJwt(publicKey),
  'a CryptoKey for another algorithm': () => privateKeyJwt(keyOf('RS256').privateKey, { alg: 'PS256' }),
  'a CryptoKey of another curve': () => privateKeyJwt(keyOf('ES256').privateKey, { alg: 'ES384' }),
  'a public JWK': () => privateKeyJwt(keyOf('ES256').jwk as never),
  'a JWK of another curve': () => privateKeyJwt(ecJwk, { alg: 'ES384' }),
  'a JWK of another type': () => privateKeyJwt(ecJwk, { alg: 'RS256' }),
  'a JWK for encryption': () => privateKeyJwt({ ...ecJwk, use: 'enc' }),
  'a JWK for encryption, whatever the caller says': () =>
    privateKeyJwt({ ...ecJwk, use: 'enc' }, { alg: 'ES256' }),
  'a JWK that may only verify': () => privateKeyJwt({ ...ecJwk, key_ops: ['verify'] }),
  'a JWK of another algorithm': () => privateKeyJwt({ ...ecJwk, alg: 'ES384' }),
  'a JWK of an unknown algorithm': () => privateKeyJwt({ ...ecJwk, alg: 'none' }),
  'a secret as JWK': () => privateKeyJwt({ kty: 'oct', k: 'A'.repeat(64), alg: 'HS256' }),
  'a PEM of a public key': () => privateKeyJwt(rsaPem.replaceAll('PRIVATE', 'PUBLIC')),
  'a PEM of PKCS#1': () => privateKeyJwt(rsaPem.replaceAll('PRIVATE', 'RSA PRIVATE')),
  'a PEM of another key': () => privateKeyJwt(rsaPem, { alg: 'ES256' }),
  'a PEM that is damaged': () => privateKeyJwt(rsaPem.replace(/MII.{20}/, '')),
  'text that is not a key': () => privateKeyJwt('secret'),
  'a secret of 31 bytes for HS256 [RFC 7518 §3.2]': () => clientSecretJwt('s'.repeat(31)),
  'a secret of 63 bytes for HS512 [RFC 7518 §3.2]': () => clientSecretJwt('s'.repeat(63), { alg: 'HS512' }),
}

for (const [name, authentication] of Object.entries(unusable))
  test(`client assertions: ${name} is a mistake of the caller, and nothing is sent`, async () => {
    const client = createClient({ issuer, client_id: 'signer', authentication: authentication(), fetch })
    const before = sent.filter(({ init }) => init.method === 'POST').length
    await assert.rejects(clientCredentials(client), (error: Error) => {
      assert.ok(error instanceof TypeError)
      assert.match(error.message, /key|secret/)
      assert.doesNotMatch(error.message, /MII|AAAA|sss/)
      return true
    })
    assert.equal(sent.filter(({ init }) => init.method === 'POST').length, before)
  })

for (const alg of ['HS256', 'HS384', 'HS512'] as const)
  test(`client_secret_jwt: an assertion with ${alg} can be verified with the secret`, async () => {
    const secret = 'the secret of a client that is longer than the hash: sixty-four bytes'
    const authentication = clientSecretJwt(secret, { alg })
    assert.equal(authentication.method, 'client_secret_jwt')
    const request = { client_id: 'app', url: `${issuer}/token`, metadata: { issuer }, now: 1_000 }
    const { parameters = {}, headers } = await authentication.credentials(request)
    assert.equal(headers, undefined)
    const verified = await jwtVerify(parameters.client_assertion ?? '', Buffer.from(secret), {
      currentDate: new Date(1_059_000),
      audience: issuer,
      subject: 'app',
      issuer: 'app',
      algorithms: [alg],
    })
    assert.equal(verified.payload.exp, 1_060)
    assert.ok(!JSON.stringify(parameters).includes(secret))
  })

test('client_secret_jwt: the default is HS256', async () => {
  const request = { client_id: 'app', url: issuer, metadata: { issuer }, now: 1 }
  const { parameters } = await clientSecretJwt('s'.repeat(32)).credentials(request)
  assert.equal(decodeProtectedHeader(parameters?.client_assertion ?? '').alg, 'HS256')
})

const certified = {
  clients: [
    {
      ...{ ...machine, client_id: 'certified', token_endpoint_auth_method: 'self_signed_tls_client_auth' },
      jwks: { keys: [{ ...jwkOfOne, x5c: [one] }] },
    },
    {
      ...{ ...machine, client_id: 'named', token_endpoint_auth_method: 'tls_client_auth' },
      tls_client_auth_subject_dn: 'CN=one.example,OU=Payments,O=Example\\, Inc.,C=SE',
    },
  ],
  api_scopes: [{ name: 'api1' }],
  mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
}

for (const [client_id, authentication] of [
  ['certified', tlsClientAuth({ selfSigned: true })],
  ['named', tlsClientAuth()],
] as const) {
  test(`${authentication.method}: a client whose fetch presents its certificate gets a token [RFC 8705 §2]`, async () => {
    const { fetch, server, sent } = await startTessera(certified, { certificate: one })
    const tokens = await clientCredentials(createClient({ issuer, client_id, authentication, fetch }))
    assert.ok(tokens.ok, `${server.reason()}`)
    assert.equal(`${sent.at(-1)?.init.body}`, `grant_type=client_credentials&client_id=${client_id}`)
  })

  test(`${authentication.method}: a client with another certificate is refused [RFC 8705 §2]`, async () => {
    const { fetch, server } = await startTessera(certified, { certificate: two })
    const tokens = await clientCredentials(createClient({ issuer, client_id, authentication, fetch }))
    assert.equal(!tokens.ok && tokens.error.code, 'invalid_client')
    assert.match(`${server.reason()}`, /^client_certificate_/)
  })
}

test('mutual TLS: requests go to the endpoint for it [RFC 8705 §5]', async () => {
  const requested: string[] = []
  const client = createClient({
    issuer: 'https://as.example',
    metadata: {
      issuer: 'https://as.example',
      token_endpoint: 'https://as.example/token',
      mtls_endpoint_aliases: { token_endpoint: 'https://mtls.as.example/token' },
    },
    client_id: 'certified',
    authentication: tlsClientAuth(),
    fetch: async url => {
      requested.push(url)
      return Response.json({ access_token: 'a', token_type: 'Bearer' })
    },
  })
  assert.ok((await clientCredentials(client)).ok)
  assert.deepEqual(requested, ['https://mtls.as.example/token'])
})

test('client assertion: an endpoint of another origin gets no assertion for the token endpoint, which it could use there', async () => {
  const honest = 'https://honest.example/token'
  const hostile = 'https://hostile.example'
  const audiences: unknown[] = []
  const client = createClient({
    ...{ issuer: hostile, client_id: 'signer' },
    metadata: {
      issuer: hostile,
      token_endpoint: honest,
      introspection_endpoint: `${hostile}/introspect`,
      pushed_authorization_request_endpoint: 'https://honest.example/par',
      authorization_endpoint: `${hostile}/authorize`,
    },
    authentication: privateKeyJwt(await exportPKCS8(keyOf('ES256').privateKey), {
      audience: 'token_endpoint',
    }),
    async fetch(_, init) {
      audiences.push(decodeJwt(new URLSearchParams(`${init.body}`).get('client_assertion') ?? '').aud)
      return Response.json({ active: false, request_uri: 'urn:x' })
    },
  })
  await introspectToken(client, 'token')
  await clientCredentials(client)
  await createAuthorizationRequest(client, { redirect_uri: 'https://app.example/callback', pushed: true })
  assert.deepEqual(audiences, [`${hostile}/introspect`, honest, honest])
})

test('workloadIdentity: the token of a function or of a file is sent with the client_id, and a new one is found', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-'))
  const path = join(folder, 'token')
  const request = { client_id: 'worker', url: issuer, metadata: { issuer }, now: 1 }
  const sent = async (authentication: ClientAuthentication) =>
    (await authentication.credentials(request)).parameters?.client_assertion
  try {
    let count = 0
    const counted = workloadIdentity(() => `token-${++count}`)
    assert.deepEqual(await counted.credentials(request), {
      parameters: {
        client_id: request.client_id,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: 'token-1',
      },
    })
    assert.equal(await sent(counted), 'token-2')
    const fromFile = workloadIdentity(tokenFile(path))
    await assert.rejects(sent(fromFile), { code: 'ENOENT' })
    await writeFile(path, 'first\n')
    assert.deepEqual([await sent(fromFile), await sent(fromFile)], ['first', 'first'])
    // As Kubernetes renews a projected token: the name gets another file.
    await writeFile(`${path}.new`, 'other\n')
    await rename(`${path}.new`, path)
    assert.equal(await sent(fromFile), 'other')
  } finally {
    await rm(folder, { recursive: true })
  }
})
