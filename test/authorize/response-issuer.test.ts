/** `iss` in authorization responses (RFC 9207 §2): in every response, also in errors, of every kind of issuer. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser, type Page } from '../support/browser.ts'
import { alice, authorizePath, callback } from '../support/sign-in.ts'
import { claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

const issuers = ['https://id.example', 'https://id.example/auth', 'https://id.example/auth/t/acme']

const own = {
  clients: [
    {
      client_id: 'web',
      token_endpoint_auth_method: 'none',
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'implicit', 'refresh_token'],
      response_types: ['code', 'id_token', 'id_token token', 'code id_token'],
      scope: 'openid api1',
    },
  ],
}
const userOf = (tenant: object) => ({
  sub: '1',
  username: 'alice',
  password: 'wonderland',
  claims: {},
  ...tenant,
})

const serverOf = (issuer: string): Promise<TestServer> =>
  createTestServer({
    issuer: issuer.replace(/\/t\/acme$/, ''),
    api_scopes: [{ name: 'api1' }],
    ...own,
    tenants: [{ name: 'acme', issuer: 'path', ...own }],
    users: [userOf(issuer.endsWith('/t/acme') ? { tenant: 'acme' } : {})],
  })

/** Requests, and the error of their response; undefined for a code or tokens. */
const requests: readonly (readonly [
  Readonly<Record<string, string | undefined>>,
  error: string | undefined,
])[] = [
  [{}, undefined],
  [{ response_type: 'code id_token' }, undefined],
  [{ response_type: 'id_token token' }, undefined],
  [{ prompt: 'none', max_age: '0' }, 'login_required'],
  [{ scope: 'openid other' }, 'invalid_scope'],
  [{ resource: 'urn:nowhere' }, 'invalid_target'],
  [{ response_type: 'token' }, 'unsupported_response_type'],
  [{ code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
  [{ prompt: 'none login' }, 'invalid_request'],
  [{ request: 'malformed' }, 'invalid_request_object'],
  [{ max_age: 'x' }, 'invalid_request'],
]

/** Returns the parameters of a response, however they reach the client. */
function parametersOf({ location, form, text }: Page): URLSearchParams {
  if (location !== undefined) {
    const { search, hash } = new URL(location)
    return new URLSearchParams(hash === '' ? search : hash.slice(1))
  }
  assert.equal(form?.action, callback, text)
  return new URLSearchParams(form?.fields as Record<string, string>)
}

for (const issuer of issuers)
  for (const response_mode of [undefined, 'fragment', 'form_post', 'jwt'])
    test(`authorize: each response of ${issuer} with response_mode ${response_mode ?? 'omitted'} has iss, also errors [RFC 9207 §2]`, async () => {
      const server = await serverOf(issuer)
      const { pathname } = new URL(issuer)
      const base = pathname === '/' ? '' : pathname
      const browser = createBrowser(server)
      await browser.submit(await browser.visit(base + authorizePath()), alice)
      for (const [changes, error] of requests) {
        const page = await browser.visit(base + authorizePath({ response_mode, ...changes }))
        const parameters = parametersOf(page)
        const response = parameters.get('response')
        const { iss, error: found } = response === null ? Object.fromEntries(parameters) : claimsOf(response)
        assert.deepEqual([iss, found], [issuer, error], JSON.stringify(changes))
      }
    })

test('authorize: a user who refuses, and one who cancels, send iss to the client [RFC 9207 §2]', async () => {
  const server = await createTestServer({
    ...own,
    api_scopes: [{ name: 'api1' }],
    clients: own.clients.map(client => ({ ...client, require_consent: true })),
    users: [userOf({})],
  })
  const browser = createBrowser(server)
  const consent = await browser.submit(await browser.visit(authorizePath()), alice)
  const refused = parametersOf(await browser.submit(consent, { button: 'no' }))
  assert.deepEqual([refused.get('error'), refused.get('iss')], ['access_denied', issuers[0]])
  const other = createBrowser(server)
  const cancelled = parametersOf(await other.submit(await other.visit(authorizePath()), { button: 'cancel' }))
  assert.deepEqual([cancelled.get('error'), cancelled.get('iss')], ['access_denied', issuers[0]])
})
