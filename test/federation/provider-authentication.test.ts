/** How this server authenticates at the token endpoint of an OpenID provider. */

import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { answerOf, authorizePath } from '../support/sign-in.ts'
import { federatedWorld, foreignProvider, signInByProvider, startFederated } from '../support/upstream.ts'

const provider = foreignProvider({ sub: 'ada' })
// Needs escaping in a form and in Basic credentials.
const client_secret = 'a secret: of +tessera'
const client_jwk = {
  ...{ kty: 'EC', crv: 'P-256', alg: 'ES256', kid: 'at-corp' },
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
}

type TokenRequest = IncomingHttpHeaders & { readonly form: Readonly<Record<string, string>> }

/** Returns the token request that a sign-in at a provider with these settings causes. */
async function tokenRequest(settings: object): Promise<TokenRequest> {
  const { browser } = await startFederated(federatedWorld(provider, settings))
  let seen: TokenRequest | undefined
  provider.service.once('beforeResponse', (_, { headers, body }) => {
    seen = { ...headers, form: body as unknown as Record<string, string> }
  })
  answerOf(await signInByProvider(browser, authorizePath({ acr_values: 'idp:corp' })))
  assert.ok(seen)
  return seen
}

for (const settings of [{}, { token_endpoint_auth_method: 'client_secret_basic' }])
  test(`provider authentication: ${settings.token_endpoint_auth_method ?? 'a secret alone'} sends it in the header only [RFC 6749 §2.3.1]`, async () => {
    const { authorization, form } = await tokenRequest({ client_secret, ...settings })
    const decoded = Buffer.from(String(authorization).slice('Basic '.length), 'base64').toString()
    const [id = '', secret = ''] = decoded.split(':')
    assert.equal(id, 'tessera')
    assert.equal(new URLSearchParams(`secret=${secret}`).get('secret'), client_secret)
    assert.equal(form.client_secret, undefined)
  })

test('provider authentication: client_secret_post sends it in the form only [RFC 6749 §2.3.1]', async () => {
  const { authorization, form } = await tokenRequest({
    client_secret,
    token_endpoint_auth_method: 'client_secret_post',
  })
  assert.equal(authorization, undefined)
  assert.deepEqual([form.client_id, form.client_secret], ['tessera', client_secret])
})

for (const settings of [{}, { token_endpoint_auth_method: 'private_key_jwt' }])
  test(`provider authentication: ${settings.token_endpoint_auth_method ?? 'a key alone'} sends an assertion for the provider [RFC 7523 §3]`, async () => {
    const { authorization, form } = await tokenRequest({ client_jwk, ...settings })
    assert.equal(authorization, undefined)
    const { alg, kid } = decodeProtectedHeader(form.client_assertion ?? '')
    assert.deepEqual([alg, kid], ['ES256', 'at-corp'])
    const { iss, sub, aud } = decodeJwt(form.client_assertion ?? '')
    assert.deepEqual([iss, sub, [aud].flat()], ['tessera', 'tessera', [provider.issuer]])
  })

for (const settings of [{}, { client_secret, token_endpoint_auth_method: 'none' }])
  test(`provider authentication: ${settings.token_endpoint_auth_method ?? 'no credential'} sends the client id alone`, async () => {
    const { authorization, form } = await tokenRequest(settings)
    assert.equal(authorization, undefined)
    assert.deepEqual(
      [form.client_id, form.client_secret, form.client_assertion],
      ['tessera', undefined, undefined],
    )
  })
