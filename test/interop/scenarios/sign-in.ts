import assert from 'node:assert/strict'
import {
  authorizationCode,
  createSession,
  endSessionUrl,
  fetchUserinfo,
  refreshToken,
  revokeToken,
  signedRequests,
  unwrap,
  validateAuthorizationResponse,
  validateEndSessionResponse,
} from '@tessera/client'
import { as, authorize, errorOf, offers, requestFor, type Scenarios, signIn, tryRequest } from './scenario.ts'

export const signInScenarios: Scenarios = {
  async 'authorization code with PKCE, ID token and userinfo; a code is sent once'(server) {
    const client = as(server, server.web)
    const { grant } = await authorize(server, client)
    const { claims, access_token } = unwrap(await authorizationCode(client, grant))
    assert.ok(claims)
    const userinfo = unwrap(await fetchUserinfo(client, access_token, claims.sub))
    assert.equal(typeof userinfo.name, 'string')
    assert.equal(errorOf(await fetchUserinfo(client, access_token, 'another')), 'invalid sub_mismatch')
    assert.equal(errorOf(await authorizationCode(client, grant)), 'policy code_already_sent')
  },

  async 'the time of the sign-in is checked [OpenID Connect Core 1.0 §2]'(server) {
    const client = as(server, server.web)
    const { grant } = await authorize(server, client, { max_age: 600 })
    const { claims } = unwrap(await authorizationCode(client, { ...grant, max_age: 600 }))
    assert.equal(typeof claims?.auth_time, 'number')
  },

  async 'responses to other requests are refused, and errors are reported'(server) {
    const client = as(server, server.web)
    const [one, other] = [await requestFor(server, client), await requestFor(server, client)]
    const response = await server.authorize(one.url)
    const forged = await validateAuthorizationResponse(client, response, other.pending)
    assert.equal(errorOf(forged), 'invalid state_mismatch')
    const mixedUp = response.replace(/([?&]iss=)[^&]*/, '$1https%3A%2F%2Fattacker.example')
    const sender = await validateAuthorizationResponse(client, mixedUp, one.pending)
    assert.equal(errorOf(sender), 'invalid issuer_mismatch')
    const silent = await requestFor(server, client, { prompt: 'none', scope: 'openid' })
    const refused = await validateAuthorizationResponse(client, await server.open(silent.url), silent.pending)
    assert.equal(errorOf(refused), 'response login_required')
  },

  async 'an ID token for another request is refused'(server) {
    const client = as(server, server.web)
    const { grant } = await authorize(server, client)
    const tokens = await authorizationCode(client, { ...grant, nonce: 'another' })
    assert.equal(errorOf(tokens), 'invalid nonce_mismatch')
  },

  async 'refresh tokens rotate, and a revoked one is refused [RFC 7009]'(server) {
    const client = as(server, server.web)
    const { refresh_token = '', claims } = await signIn(server, client)
    const refreshed = unwrap(await refreshToken(client, refresh_token, { previous: claims }))
    assert.ok(refreshed.refresh_token)
    assert.notEqual(refreshed.refresh_token, refresh_token)
    unwrap(await revokeToken(client, refreshed.refresh_token, { token_type_hint: 'refresh_token' }))
    assert.equal(errorOf(await refreshToken(client, refreshed.refresh_token)), 'response invalid_grant')
  },

  async 'a session refreshes its tokens once for callers at the same time, and ends when it is revoked'(
    server,
  ) {
    const client = as(server, server.web)
    const session = createSession(client)
    const { access_token } = await session.start(await signIn(server, client))
    const [one, other] = await Promise.all([session.renew(access_token), session.renew(access_token)])
    assert.notEqual(unwrap(one).access_token, access_token)
    assert.equal(unwrap(one).access_token, unwrap(other).access_token)
    const { refresh_token = '' } = (await session.tokens())!
    unwrap(await revokeToken(client, refresh_token))
    const ended = await session.refresh()
    assert.ok(!ended.ok)
    assert.equal(ended.error.kind, 'session')
    assert.equal(await session.tokens(), undefined)
  },

  async 'pushed authorization requests, or a clear error [RFC 9126]'(server) {
    const client = as(server, server.web)
    const request = await tryRequest(server, client, { pushed: true })
    if (!(await offers(server, 'pushed_authorization_request_endpoint')))
      return assert.equal(errorOf(request), 'unsupported endpoint_missing')
    const { url, pending } = unwrap(request)
    assert.deepEqual([...new URL(url).searchParams.keys()].toSorted(), ['client_id', 'request_uri'])
    unwrap(await validateAuthorizationResponse(client, await server.authorize(url), pending))
  },

  async 'hybrid responses, whose ID token is bound to the code, or a clear error'(server) {
    const client = as(server, server.hybrid ?? server.web)
    const options = { response_type: 'code id_token', scope: 'openid' } as const
    const request = await tryRequest(server, client, options)
    if (!server.hybrid) return assert.equal(errorOf(request), 'unsupported response_type_unsupported')
    const { url, pending } = unwrap(request)
    const location = await server.authorize(url)
    const changed = location.replace(/([#&]code=)[^&]*/, '$1another')
    const refused = await validateAuthorizationResponse(client, changed, pending)
    assert.equal(errorOf(refused), 'invalid hash_mismatch')
    const { claims, code = '' } = unwrap(await validateAuthorizationResponse(client, location, pending))
    const { code_verifier = '', redirect_uri, nonce } = pending
    const grant = { code, code_verifier, redirect_uri, nonce, sub: claims?.sub }
    assert.equal(unwrap(await authorizationCode(client, grant)).claims?.sub, claims?.sub)
  },

  async 'signed authorization requests, where the server supports them [RFC 9101]'(server) {
    const { signer } = server
    if (!signer) {
      const metadata = unwrap(await as(server, server.web).issuer.metadata())
      return assert.notEqual(metadata.request_parameter_supported, true)
    }
    const client = as(server, signer.client)
    const options = { sign: signedRequests(signer.key, { kid: signer.kid }), scope: 'openid' }
    const { url } = await requestFor(server, client, options)
    assert.ok(!new URL(url).searchParams.has('redirect_uri'))
    assert.ok((await signIn(server, client, options)).claims)
  },

  async 'the user signs out at the server, and returns [OpenID Connect RP-Initiated Logout 1.0]'(server) {
    const client = as(server, server.web)
    const { id_token } = await signIn(server, client)
    const options = { id_token_hint: id_token, post_logout_redirect_uri: server.post_logout_redirect_uri }
    const { url, state = '' } = unwrap(await endSessionUrl(client, options))
    const returned = await server.signOut(url)
    assert.ok(returned.startsWith(server.post_logout_redirect_uri), returned)
    unwrap(validateEndSessionResponse(returned, state))
    assert.equal(errorOf(validateEndSessionResponse(returned, 'another')), 'invalid state_mismatch')
  },
}
