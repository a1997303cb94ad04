/**
 * FAPI 2.0 with foreign clients: openid-client, oauth4webapi and dpop push a signed request, get a signed response, and
 * use tokens that certificates or DPoP bind. Every request goes through TLS proxies, as in production.
 */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, beforeEach, test } from 'node:test'
import * as dpop from 'dpop'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { listen } from '../../packages/server/src/http/node.ts'
import { createBrowser } from '../support/browser.ts'
import { alice, answerOf, callback, signIn } from '../support/sign-in.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'
import { certificate as serverCertificate } from '../support/tls.ts'
import { fetchWith } from '../support/tls-fetch.ts'
import { startTlsProxy } from '../support/tls-proxy.ts'
import { createCertificate } from '../support/x509.ts'

const authority = createCertificate('Clients CA', { isAuthority: true })
const [own, stolen] = [
  createCertificate('bank-app', { by: authority }),
  createCertificate('other', { by: authority }),
]
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'app-1', use: 'sig' }] }

/** At one origin, a proxy for browsers and DPoP. At the other, one that requests certificates and verifies them. */
const [plain, mutual] = [
  await startTlsProxy(),
  await startTlsProxy({ certificates: { form: 'nginx', ca: authority.cert } }),
]
const issuer = `https://localhost:${plain.port}`
const scope = 'openid profile accounts offline_access'
const shared = {
  ...{ redirect_uris: [callback], scope, grant_types: ['authorization_code', 'refresh_token'], jwks },
  ...{ request_object_signing_alg: 'ES256', id_token_signed_response_alg: 'ES256' },
  ...{ authorization_signed_response_alg: 'ES256', require_signed_authorization_response: true },
  ...{ authorization_code_lifetime: 60, refresh_token_usage: 'reuse' },
}
const byKey = { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256' }
const byCertificate = {
  token_endpoint_auth_method: 'tls_client_auth',
  tls_client_auth_subject_dn: 'CN=bank-app',
}
const bound = {
  mtls: { tls_client_certificate_bound_access_tokens: true },
  dpop: { dpop_bound_access_tokens: true },
}
const secondsNow = (): number => Math.floor(Date.now() / 1000)
const server = await createTestServer(
  {
    issuer,
    mtls: {
      ...{ certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
      endpoint_origin: `https://localhost:${mutual.port}`,
    },
    client_assertion_audience: 'issuer',
    signature_algorithms: ['PS256', 'ES256', 'EdDSA'],
    authorization_requests: {
      ...{ require_pushed: true, pushed_lifetime: 60 },
      ...{ require_signed: true, request_object_max_lifetime: 3600 },
    },
    api_scopes: [{ name: 'accounts' }],
    api_resources: [{ name: 'https://api.example', scopes: ['accounts'] }],
    users: [{ sub: '1', username: 'alice', password: 'wonderland', claims: { name: 'Alice' } }],
    clients: [
      { client_id: 'key mtls', ...shared, ...byKey, ...bound.mtls },
      { client_id: 'key dpop', ...shared, ...byKey, ...bound.dpop },
      { client_id: 'certificate mtls', ...shared, ...byCertificate, ...bound.mtls },
      { client_id: 'certificate dpop', ...shared, ...byCertificate, ...bound.dpop },
    ],
  },
  { at: secondsNow() },
)
const edge = await listen(server.handle, {
  ...{ host: '127.0.0.1', port: 0 },
  mtls: { certificateHeader: 'client-cert', trustedProxies: ['127.0.0.1'] },
})
for (const proxy of [plain, mutual]) proxy.lead(Number(new URL(edge.url).port))
after(async () => {
  for (const proxy of [plain, mutual]) proxy.close()
  await edge.close()
})
// The clients use the machine's clock.
beforeEach(() => server.clock.advance(secondsNow() - server.clock.now()))

const ca = [serverCertificate]
const withCertificate = fetchWith({ ca, agent: false, cert: own.cert, key: own.key }) as never
const withAnother = fetchWith({ ca, agent: false, cert: stolen.cert, key: stolen.key }) as never
const withoutCertificate = fetchWith({ ca, agent: false }) as never

const variants = ['key mtls', 'key dpop', 'certificate mtls', 'certificate dpop'] as const
const isByKey = (name: string): boolean => name.startsWith('key')
const isByDpop = (name: string): boolean => name.endsWith('dpop')
const fetchOf = (name: string) => (name === 'key dpop' ? withoutCertificate : withCertificate)

/** Signs in and returns where the browser is redirected. */
async function redirected(address: URL): Promise<URL> {
  const page = await signIn(createBrowser(server), address.pathname + address.search, alice)
  return new URL(`${callback}?${answerOf(page)}`)
}

const thumbprints = (jkt: string | undefined) => (jkt === undefined ? own.cnf : { jkt })

for (const name of variants)
  test(`openid-client: FAPI 2.0 Message Signing, with a client of ${name}: request object, PAR, JARM, refresh, userinfo, revocation`, async () => {
    const metadata = {
      ...{ use_mtls_endpoint_aliases: name !== 'key dpop', id_token_signed_response_alg: 'ES256' },
      authorization_signed_response_alg: 'ES256',
    }
    const key = { key: privateKey, kid: 'app-1' }
    const authentication = isByKey(name) ? client.PrivateKeyJwt(key) : client.TlsClientAuth()
    const config = await client.discovery(new URL(issuer), name, metadata, authentication, {
      [client.customFetch]: fetchOf(name),
    })
    config[client.customFetch] = fetchOf(name)
    client.useJwtResponseMode(config)
    const DPoP = isByDpop(name)
      ? client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
      : undefined
    const options = DPoP && { DPoP }

    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const [state, nonce] = [client.randomState(), client.randomNonce()]
    const signed = await client.buildAuthorizationUrlWithJAR(
      config,
      {
        ...{ redirect_uri: callback, scope, state, nonce, code_challenge_method: 'S256' },
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      },
      key,
    )
    const address = await client.buildAuthorizationUrlWithPAR(config, signed.searchParams, options)
    const back = await redirected(address)
    assert.deepEqual([...back.searchParams.keys()], ['response'])
    const checks = { pkceCodeVerifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
    const tokens = await client.authorizationCodeGrant(config, back, checks, undefined, options)
    assert.equal(tokens.token_type, DPoP ? 'dpop' : 'bearer')
    const jkt = await DPoP?.calculateThumbprint()
    assert.deepEqual(claimsOf(tokens.access_token).cnf, thumbprints(jkt))
    assert.equal((await client.fetchUserInfo(config, tokens.access_token, '1', options)).name, 'Alice')
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token!, undefined, options)
    assert.deepEqual(claimsOf(refreshed.access_token).cnf, thumbprints(jkt))
    const seen = await client.tokenIntrospection(config, refreshed.access_token)
    assert.deepEqual([seen.active, seen.cnf], [true, thumbprints(jkt)])

    // A thief has the token, and a key of its own.
    const thief = DPoP
      ? { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) }
      : undefined
    if (!DPoP) config[client.customFetch] = withAnother
    await assert.rejects(client.fetchUserInfo(config, refreshed.access_token, '1', thief), (error: Error) => {
      assert.ok(error instanceof client.WWWAuthenticateChallengeError)
      assert.equal(error.cause[0]?.parameters.error, 'invalid_token')
      return true
    })
    config[client.customFetch] = fetchOf(name)
    await client.tokenRevocation(config, tokens.refresh_token!)
    await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token!, undefined, options), {
      error: 'invalid_grant',
    })
  })

for (const name of variants)
  test(`oauth4webapi: FAPI 2.0 Message Signing, with a client of ${name}: request object, PAR, JARM, refresh, userinfo`, async () => {
    const options = { [oauth.customFetch]: fetchOf(name) }
    const discovered = await oauth.discoveryRequest(new URL(issuer), options)
    const as = await oauth.processDiscoveryResponse(new URL(issuer), discovered)
    const self: oauth.Client = {
      ...{ client_id: name, use_mtls_endpoint_aliases: name !== 'key dpop' },
      ...{ id_token_signed_response_alg: 'ES256', authorization_signed_response_alg: 'ES256' },
    }
    const key = { key: privateKey, kid: 'app-1' }
    const authentication = isByKey(name) ? oauth.PrivateKeyJwt(key) : oauth.TlsClientAuth()
    const DPoP = isByDpop(name) ? oauth.DPoP(self, await oauth.generateKeyPair('ES256')) : undefined
    const proving = { ...options, ...(DPoP && { DPoP }) }
    const verifier = oauth.generateRandomCodeVerifier()
    const request = await oauth.issueRequestObject(
      as,
      self,
      {
        ...{ response_type: 'code', response_mode: 'jwt', redirect_uri: callback, scope, state: 'a state' },
        ...{ code_challenge_method: 'S256', nonce: 'a nonce' },
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      },
      key,
    )
    const { request_uri } = await oauth.processPushedAuthorizationResponse(
      as,
      self,
      await oauth.pushedAuthorizationRequest(as, self, authentication, { request }, proving),
    )
    const address = new URL(as.authorization_endpoint!)
    address.search = new URLSearchParams({ client_id: name, request_uri }).toString()
    const answer = await oauth.validateJwtAuthResponse(
      as,
      self,
      await redirected(address),
      'a state',
      options,
    )
    const tokens = await oauth.processAuthorizationCodeResponse(
      as,
      self,
      await oauth.authorizationCodeGrantRequest(
        as,
        self,
        authentication,
        answer,
        callback,
        verifier,
        proving,
      ),
      { expectedNonce: 'a nonce', requireIdToken: true },
    )
    assert.equal(tokens.token_type, DPoP ? 'dpop' : 'bearer')
    const refreshed = await oauth.processRefreshTokenResponse(
      as,
      self,
      await oauth.refreshTokenGrantRequest(as, self, authentication, tokens.refresh_token!, proving),
    )
    assert.deepEqual(claimsOf(refreshed.access_token).cnf, thumbprints(await DPoP?.calculateThumbprint()))
    const user = await oauth.processUserInfoResponse(
      as,
      self,
      '1',
      await oauth.userInfoRequest(as, self, refreshed.access_token, proving),
    )
    assert.equal(user.name, 'Alice')
  })

test('dpop: FAPI 2.0 with its proofs at PAR, the token endpoint and userinfo, each for one request', async () => {
  const pair = await dpop.generateKeyPair('ES256')
  const sign = (claims: object) =>
    new SignJWT({ iss: 'key dpop', aud: issuer, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'app-1' })
      .setExpirationTime('60 s')
      .setNotBefore('0 s')
      .sign(privateKey)
  const post = async (path: string, form: Record<string, string>): Promise<any> => {
    const body = new URLSearchParams({
      ...form,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await sign({ sub: 'key dpop', jti: randomUUID() }),
    })
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      dpop: await dpop.generateProof(pair, issuer + path, 'POST'),
    }
    const send: typeof fetch = withoutCertificate
    return (await send(issuer + path, { method: 'POST', headers, body: body.toString() })).json()
  }
  const verifier = oauth.generateRandomCodeVerifier()
  const request = await sign({
    ...{ client_id: 'key dpop', response_type: 'code', response_mode: 'jwt', redirect_uri: callback, scope },
    ...{ state: 'a state', code_challenge_method: 'S256' },
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  })
  const { request_uri } = await post('/connect/par', { request })
  const address = new URL(`${issuer}/connect/authorize`)
  address.search = new URLSearchParams({ client_id: 'key dpop', request_uri }).toString()
  const { code } = claimsOf((await redirected(address)).searchParams.get('response') ?? '')
  const tokens = await post('/connect/token', {
    ...{ grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier },
  })
  assert.equal(tokens.token_type, 'DPoP', JSON.stringify(tokens))
  assert.deepEqual(claimsOf(tokens.access_token).cnf, { jkt: await dpop.calculateThumbprint(pair.publicKey) })
  const userinfo = `${issuer}/connect/userinfo`
  const headers = {
    authorization: `DPoP ${tokens.access_token}`,
    dpop: await dpop.generateProof(pair, userinfo, 'GET', undefined, tokens.access_token),
  }
  const read: typeof fetch = withoutCertificate
  const [first, second] = [await read(userinfo, { headers }), await read(userinfo, { headers })]
  assert.deepEqual([first.status, second.status], [200, 401])
})
