import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import {
  type Client,
  createAuthorizationRequest,
  type PendingAuthorization,
  type ServerMetadata,
  unwrap,
  validateAuthorizationResponse,
} from '@tessera/client'
import { brings } from '@tessera/protocol/response-type'
import { createBrowser } from '../support/browser.ts'
import { allTypes } from '../support/hybrid.ts'
import { bob, callback } from '../support/sign-in.ts'
import { authorize, responseOf, startAuthorizationWorld } from './authorization-world.ts'
import { client_id, createKey, sign, startTokenServer, url } from './token-server.ts'

const world = await startAuthorizationWorld()
const { issuer, server } = world
const client = world.client()
const metadata = unwrap(await client.issuer.metadata())
const scope = 'openid profile api1'

/** Returns the code of the error; fails if the response is accepted. */
async function refused(
  response: URL | URLSearchParams | string,
  pending: PendingAuthorization,
  { of = client, kind = 'invalid' }: { of?: Client; kind?: string } = {},
): Promise<string> {
  const validated = await validateAuthorizationResponse(of, response, pending)
  assert.ok(!validated.ok, 'the response was accepted')
  assert.equal(validated.error.kind, kind)
  assert.doesNotMatch(JSON.stringify(validated.error), /tc_|eyJ/)
  return validated.error.code
}

/** Changes parameters of a response in the query; undefined removes one. */
function changed(response: string, changes: Readonly<Record<string, string | undefined>>): URL {
  const url = new URL(response)
  for (const [name, value] of Object.entries(changes))
    if (value === undefined) url.searchParams.delete(name)
    else url.searchParams.set(name, value)
  return url
}

/** Returns the parameters of a response in the fragment with changes. */
const fragmentWith = (response: string, changes: Readonly<Record<string, string>>): URLSearchParams =>
  new URLSearchParams({
    ...Object.fromEntries(new URLSearchParams(new URL(response).hash.slice(1))),
    ...changes,
  })

for (const response_type of allTypes)
  for (const response_mode of [undefined, 'form_post'] as const)
    test(`authorization response: ${response_type} by ${response_mode ?? 'the default mode'} has the requested parts and no others`, async () => {
      const { response, pending } = await authorize(world, client, { response_type, response_mode, scope })
      const value = unwrap(await validateAuthorizationResponse(client, response, pending))
      assert.equal(value.code !== undefined, brings(response_type, 'code'))
      assert.equal(value.id_token !== undefined, brings(response_type, 'id_token'))
      assert.equal(value.claims?.sub, brings(response_type, 'id_token') ? '1' : undefined)
      assert.equal(value.access_token !== undefined, brings(response_type, 'token'))
      if (value.access_token !== undefined) {
        assert.equal(value.token_type, 'Bearer')
        assert.equal(value.expires_at, server.clock.now() + (value.expires_in ?? 0))
      }
    })

test('authorization response: it is a URL, its text, its path, its query or a form, all with the same result', async () => {
  for (const form of [
    (url: string) => new URL(url),
    (url: string) => url,
    (url: string) => `/cb${new URL(url).search}`,
    (url: string) => new URL(url).searchParams,
    (url: string) => new URL(url).search,
  ]) {
    const { response, pending } = await authorize(world, client)
    const { code } = unwrap(await validateAuthorizationResponse(client, form(response), pending))
    assert.equal(code, new URL(response).searchParams.get('code'))
  }
})

test('authorization response: other parameters, such as a query of the redirection URI, are ignored', async () => {
  const { response, pending } = await authorize(world, client)
  const url = changed(response, { page: '1' })
  url.searchParams.append('page', '2')
  assert.ok((await validateAuthorizationResponse(client, url, pending)).ok)
})

for (const [title, changes] of [
  ['another state', { state: 'other' }],
  ['no state', { state: undefined }],
  ['an empty state', { state: '' }],
  ['an error with another state', { state: 'other', error: 'access_denied', code: undefined }],
] as const)
  test(`authorization response: one with ${title} is refused before anything else [RFC 9700 §4.7]`, async () => {
    const { response, pending } = await authorize(world, client)
    assert.equal(
      await refused(changed(response, { iss: 'https://other', ...changes }), pending),
      'state_mismatch',
    )
    // It has used nothing up.
    assert.ok((await validateAuthorizationResponse(client, response, pending)).ok)
  })

for (const name of ['state', 'code', 'iss', 'error'])
  test(`authorization response: a repeated ${name} is refused [RFC 6749 §3.1]`, async () => {
    const { response, pending } = await authorize(world, client)
    const url = new URL(response)
    for (let count = url.searchParams.getAll(name).length; count < 2; count++)
      url.searchParams.append(name, url.searchParams.get(name) ?? 'x')
    assert.equal(await refused(url, pending), 'duplicate_parameter')
  })

test('authorization response: one of another issuer is refused, also if it is an error [RFC 9207 §2.4]', async () => {
  const { response, pending } = await authorize(world, client)
  const iss = 'https://attacker.example'
  assert.equal(await refused(changed(response, { iss }), pending), 'issuer_mismatch')
  const error = { iss, error: 'server_error', code: undefined }
  assert.equal(await refused(changed(response, error), pending), 'issuer_mismatch')
})

test('authorization response: iss is required if the metadata announces it, also in errors [RFC 9207 §2.4]', async () => {
  const { response, pending } = await authorize(world, client)
  assert.equal(await refused(changed(response, { iss: undefined }), pending), 'issuer_missing')
  const error = { iss: undefined, error: 'server_error', code: undefined }
  assert.equal(await refused(changed(response, error), pending), 'issuer_missing')
  const silent: ServerMetadata = { ...metadata, authorization_response_iss_parameter_supported: false }
  const of = world.client({ metadata: silent })
  assert.ok((await validateAuthorizationResponse(of, changed(response, { iss: undefined }), pending)).ok)
})

test('authorization response: iss is not required beside an ID token, whose issuer is verified', async () => {
  const options = { response_type: 'code id_token', scope } as const
  const { response, pending } = await authorize(world, client, options)
  const error = { iss: '', error: 'server_error', code: '' }
  assert.equal(await refused(fragmentWith(response, error), pending), 'issuer_missing')
  const of = world.client({
    issuer: 'https://other.example',
    metadata: { ...metadata, issuer: 'https://other.example' },
  } as never)
  const elsewhere = { ...pending, issuer: 'https://other.example' }
  assert.equal(await refused(fragmentWith(response, { iss: '' }), elsewhere, { of }), 'issuer_mismatch')
  assert.ok((await validateAuthorizationResponse(client, fragmentWith(response, { iss: '' }), pending)).ok)
})

test('authorization response: a pending request of another issuer or client is refused', async () => {
  const { response, pending } = await authorize(world, client)
  const of = world.client({ client_id: 'narrow' })
  assert.equal(await refused(response, pending, { of }), 'pending_mismatch')
  assert.equal(await refused(response, { ...pending, issuer: 'https://other.example' }), 'pending_mismatch')
})

test('authorization response: one that came to another redirection URI is refused [RFC 9700 §4.4.2.2]', async () => {
  const { response, pending } = await authorize(world, client)
  for (const place of ['https://app.example/other', 'http://app.example/cb', 'https://evil.example/cb'])
    assert.equal(await refused(response.replace(callback, place), pending), 'redirect_uri_mismatch')
  for (const noUrl of ['//[', '//', '/\\[', 'https://['])
    assert.equal(await refused(noUrl, pending), 'redirect_uri_mismatch')
})

test('authorization response: the error of the server is one of kind response [RFC 6749 §4.1.2.1]', async () => {
  const stranger = createBrowser(server)
  const { url, pending } = unwrap(
    await createAuthorizationRequest(client, { redirect_uri: callback, prompt: 'none' }),
  )
  const response = responseOf(await stranger.visit(url.slice(issuer.length)))
  const validated = await validateAuthorizationResponse(client, response, pending)
  assert.ok(!validated.ok)
  assert.equal(validated.error.kind, 'response')
  assert.equal(validated.error.code, 'login_required')
  assert.equal(server.reason(), 'login_required')
  assert.equal(await refused(response, pending), 'pending_used')
})

test('authorization response: an error has the description and the URI that the server sent', async () => {
  const { response, pending } = await authorize(world, client)
  const error = {
    error: 'access_denied',
    error_description: 'Not today',
    error_uri: 'https://id.example/why',
  }
  const validated = await validateAuthorizationResponse(client, changed(response, error), pending)
  assert.ok(!validated.ok)
  assert.equal(validated.error.message, 'access_denied: Not today')
  assert.equal(validated.error.description, 'Not today')
  assert.equal(validated.error.uri, 'https://id.example/why')
})

test('authorization response: a pending request is used once, also by two calls at the same time', async () => {
  const { response, pending } = await authorize(world, client, { response_type: 'code id_token', scope })
  const copy = JSON.parse(JSON.stringify(pending))
  const results = await Promise.all([
    validateAuthorizationResponse(client, response, pending),
    validateAuthorizationResponse(client, response, copy),
  ])
  assert.deepEqual(results.map(({ ok }) => ok).toSorted(), [false, true])
  assert.equal(await refused(response, copy), 'pending_used')
})

test('authorization response: a missing part is refused', async () => {
  const { response, pending } = await authorize(world, client)
  assert.equal(await refused(changed(response, { code: undefined }), pending), 'parameter_missing')
  assert.equal(await refused(changed(response, { code: '' }), pending), 'parameter_missing')
})

test('authorization response: tokens that were not requested are refused', async () => {
  const { response, pending } = await authorize(world, client)
  const other = await authorize(world, client, { response_type: 'id_token token', scope })
  const { id_token, access_token } = unwrap(
    await validateAuthorizationResponse(client, other.response, other.pending),
  )
  for (const changes of [{ id_token }, { access_token }])
    assert.equal(await refused(changed(response, changes), pending), 'parameter_unexpected')
})

test('authorization response: parameters in the wrong part of the URL are ignored', async () => {
  const { response, pending } = await authorize(world, client)
  assert.equal(await refused(response.replace('?', '#'), pending), 'state_mismatch')
  const hybrid = await authorize(world, client, { response_type: 'code id_token' })
  assert.equal(await refused(hybrid.response.replace('#', '?'), hybrid.pending), 'state_mismatch')
  const post = await authorize(world, client, { response_mode: 'form_post' })
  assert.equal(await refused(`${callback}?${post.response}`, post.pending), 'response_mode_mismatch')
})

test('authorization response: one of more than 200,000 characters is refused', async () => {
  const { response, pending } = await authorize(world, client)
  assert.equal(await refused(`${response}&x=${'x'.repeat(200_000)}`, pending), 'response_too_long')
})

for (const [part, code, response_type] of [
  ['code', 'hash_mismatch', 'code id_token'],
  ['access_token', 'hash_mismatch', 'id_token token'],
  ['access_token', 'hash_mismatch', 'code id_token token'],
  ['id_token', 'nonce_mismatch', 'id_token'],
  ['id_token', 'nonce_mismatch', 'code id_token token'],
] as const)
  test(`authorization response: ${response_type} with the ${part} of another response fails with ${code} [OpenID Connect Core 1.0 §3.3.2.8]`, async () => {
    const { response, pending } = await authorize(world, client, { response_type, scope })
    const other = await authorize(world, client, { response_type, scope })
    const injected = fragmentWith(other.response, {}).get(part) ?? ''
    assert.equal(await refused(fragmentWith(response, { [part]: injected }), pending), code)
    assert.ok((await validateAuthorizationResponse(client, response, pending)).ok)
  })

for (const [title, code, claims] of [
  ['a nonce', 'nonce_mismatch', { nonce: undefined }],
  ['a c_hash', 'claim_missing', { c_hash: undefined }],
] as const)
  test(`authorization response: an ID token beside a code without ${title} is refused [OpenID Connect Core 1.0 §3.3.2.11]`, async () => {
    const key = await createKey('ES256')
    const signer = startTokenServer([key.jwk], { authorization_endpoint: `${url}/authorize` })
    const { pending } = unwrap(
      await createAuthorizationRequest(signer.client, {
        redirect_uri: callback,
        response_type: 'code id_token',
      }),
    )
    const { state, nonce, created_at: iat } = pending
    const c_hash = hash('sha256', 'a-code', 'buffer').subarray(0, 16).toString('base64url')
    const whole = { iss: url, aud: client_id, sub: '1', iat, exp: iat + 60, nonce, c_hash }
    const responseWith = async (changes: object) =>
      new URLSearchParams({ state, code: 'a-code', id_token: await sign({ ...whole, ...changes }, key) })
    assert.equal(await refused(await responseWith(claims), pending, { of: signer.client }), code)
    assert.ok((await validateAuthorizationResponse(signer.client, await responseWith({}), pending)).ok)
  })

test('authorization response: the 1000 requests of an issuer that ended last are remembered', async () => {
  const of = world.client({ metadata })
  const ended: PendingAuthorization[] = []
  const errorOf = ({ state }: PendingAuthorization) => new URLSearchParams({ state, iss: issuer, error: 'x' })
  for (let count = 0; count < 1001; count++) {
    const { pending } = unwrap(await createAuthorizationRequest(of, { redirect_uri: callback }))
    assert.equal(await refused(errorOf(pending), pending, { of, kind: 'response' }), 'x')
    ended.push(pending)
  }
  const [first, second] = ended as [PendingAuthorization, PendingAuthorization]
  assert.equal(await refused(errorOf(second), second, { of }), 'pending_used')
  assert.equal(await refused(errorOf(first), first, { of, kind: 'response' }), 'x')
})

test('authorization response: an access token of another type, or with a lifetime that is no number, is refused', async () => {
  const { response, pending } = await authorize(world, client, { response_type: 'code token', scope })
  for (const token_type of ['mac', ''])
    assert.equal(await refused(fragmentWith(response, { token_type }), pending), 'token_type_mismatch')
  assert.equal(await refused(fragmentWith(response, { expires_in: '1e3' }), pending), 'expires_in_invalid')
})

test('authorization response: the age of the sign-in is checked against max_age [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const options = { response_type: 'id_token', max_age: 60 } as const
  const { response, pending } = await authorize(world, client, options)
  assert.equal(
    await refused(response, { ...pending, created_at: pending.created_at + 100 }),
    'authentication_too_old',
  )
  assert.ok((await validateAuthorizationResponse(client, response, pending)).ok)
})

test('authorization response: a sign-in without the required acr is refused', async () => {
  const { response, pending } = await authorize(world, client, { response_type: 'id_token' })
  const validated = await validateAuthorizationResponse(client, response, pending, { acr_values: 'mfa' })
  assert.ok(!validated.ok)
  assert.equal(validated.error.code, 'acr_mismatch')
})

test('authorization response: keys that can’t be requested do not use up the pending request', async () => {
  let away = true
  const of = world.client({
    fetch: async (url, init) => {
      if (away && url === metadata.jwks_uri) throw new TypeError('fetch failed')
      return world.fetch(url, init)
    },
  })
  const { response, pending } = await authorize(world, of, { response_type: 'id_token' })
  assert.equal(await refused(response, pending, { of, kind: 'network' }), 'network_error')
  away = false
  server.clock.advance(60)
  assert.ok((await validateAuthorizationResponse(of, response, pending)).ok)
})

test('authorization response: the response of a sign-in that an attacker started is refused [RFC 9700 §4.7]', async () => {
  const attacker = createBrowser(server)
  const { url } = unwrap(await createAuthorizationRequest(client, { redirect_uri: callback }))
  const planted = responseOf(await attacker.submit(await attacker.visit(url.slice(issuer.length)), bob))
  const { pending } = unwrap(await createAuthorizationRequest(client, { redirect_uri: callback }))
  assert.equal(await refused(planted, pending), 'state_mismatch')
})
