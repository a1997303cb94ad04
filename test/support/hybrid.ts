/** A world of clients that get tokens from the authorization endpoint, and the `sub` that each gets. */

import assert from 'node:assert/strict'
import { type Browser, createBrowser } from './browser.ts'
import { alice, answerOf, authorizePath, callback, signIn, verifier } from './sign-in.ts'
import { createTestServer, type TestServer } from './tessera.ts'

export const allTypes = [
  'code',
  'id_token',
  'id_token token',
  'code id_token',
  'code token',
  'code id_token token',
] as const

const hybrid = {
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'implicit', 'refresh_token'],
  response_types: allTypes,
  redirect_uris: [callback],
  scope: 'openid profile email api1 offline_access',
}

export const hybridWorld = {
  api_scopes: [{ name: 'api1', claims: ['role'] }],
  api_resources: [{ name: 'urn:api', scopes: ['api1'], api_secrets: [{ value: 'api-secret' }] }],
  users: [
    {
      sub: '1',
      username: 'alice',
      password: 'wonderland',
      claims: {
        name: 'Alice',
        email: 'alice@example.com',
        email_verified: true,
        role: 'admin',
        'name#ja': 'アリス',
      },
    },
    { sub: '2', username: 'bob', password: 'builder', claims: { name: 'Bob' } },
  ],
  clients: [
    { ...hybrid, client_id: 'web' },
    { ...hybrid, client_id: 'reference', access_token_type: 'reference' },
    { ...hybrid, client_id: 'chatty', always_include_user_claims_in_id_token: true },
    { ...hybrid, client_id: 'asking', require_consent: true },
    { ...hybrid, client_id: 'idonly', grant_types: ['implicit'], response_types: ['id_token'] },
    {
      ...hybrid,
      client_id: 'narrow',
      scope: 'openid profile api1',
      grant_types: ['authorization_code', 'implicit'],
    },
    { ...hybrid, client_id: 'pair', subject_type: 'pairwise' },
    { ...hybrid, client_id: 'pairref', subject_type: 'pairwise', access_token_type: 'reference' },
    {
      ...hybrid,
      client_id: 'elsewhere',
      subject_type: 'pairwise',
      sector_identifier_uri: 'https://other.example/sector.json',
    },
    {
      client_id: 'pairtv',
      subject_type: 'pairwise',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      scope: 'openid profile offline_access',
    },
    {
      client_id: 'pairservice',
      subject_type: 'pairwise',
      client_secrets: [{ value: 's' }],
      redirect_uris: [callback],
      grant_types: [
        'client_credentials',
        'password',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:token-exchange',
      ],
      scope: 'openid profile api1 offline_access',
    },
  ],
}

export async function startHybrid(more: object = {}): Promise<{ server: TestServer; browser: Browser }> {
  const server = await createTestServer({ ...hybridWorld, ...more })
  const browser = createBrowser(server)
  const page = await signIn(browser, authorizePath({ client_id: 'web' }), alice)
  assert.ok(answerOf(page).get('code'))
  return { server, browser }
}

/** Redeems the code of a response. */
export const redeem = (server: TestServer, answer: URLSearchParams, client_id: string) =>
  server.token({
    grant_type: 'authorization_code',
    code: answer.get('code') ?? '',
    redirect_uri: callback,
    code_verifier: verifier,
    client_id,
  })

export const userinfo = (server: TestServer, token: string | null) =>
  server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${token}` } })
