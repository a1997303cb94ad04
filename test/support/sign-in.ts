/** The clients and users of the tests that drive pages, and common flows through them. */

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import type { Browser, Page } from './browser.ts'
import { claimsOf, type TestServer } from './tessera.ts'

export const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
export const challenge = hash('sha256', verifier, 'base64url')
export const callback = 'https://app.example/cb'

const code = {
  token_endpoint_auth_method: 'none',
  redirect_uris: [callback],
  scope: 'openid profile api1 offline_access',
}

export const pagesWorld = {
  api_scopes: [{ name: 'api1', display_name: 'Read your <orders>' }, { name: 'api2' }],
  api_resources: [{ name: 'urn:api', scopes: ['api1', 'api2'] }],
  tenants: [{ name: 'acme' }, { name: 'globex' }],
  identity_providers: [
    {
      name: 'directory',
      display_name: 'Staff directory',
      type: 'directory',
      credentialAuthority: {
        check: ({ username, password }: { username: string; password: string }) =>
          password === 'staff' ? ({ ok: true, sub: `staff-${username}` } as const) : ({ ok: false } as const),
      },
    },
    { name: 'other', type: 'oidc', issuer: 'https://other.example', client_id: 'x', client_secret: 'y' },
    { name: 'corp', type: 'oidc', issuer: 'https://corp.example', client_id: 'x', client_secret: 'y' },
  ],
  users: [
    { sub: '1', username: 'alice', password: 'wonderland', claims: { name: 'Alice' } },
    { sub: '2', username: 'bob', password: 'builder', claims: {} },
    { sub: '3', username: 'carol', password: 'carol', tenant: 'acme', claims: {} },
    { sub: '4', username: 'ina', password: 'ina', active: false, claims: {} },
  ],
  clients: [
    {
      ...code,
      client_id: 'web',
      client_name: 'Web & Co',
      grant_types: ['authorization_code', 'refresh_token'],
    },
    {
      ...code,
      client_id: 'asking',
      client_name: 'Asking',
      require_consent: true,
      scope: 'openid profile api1 api2',
    },
    {
      ...code,
      client_id: 'plain',
      token_endpoint_auth_method: undefined,
      client_secrets: [{ value: 's' }],
      allow_plain_pkce: true,
    },
    {
      ...code,
      client_id: 'lax',
      token_endpoint_auth_method: undefined,
      client_secrets: [{ value: 's' }],
      require_pkce: false,
    },
    { ...code, client_id: 'query', redirect_uris: ['https://app.example/cb?foo=bar&baz=quux'] },
    { ...code, client_id: 'off', enabled: false },
    { ...code, client_id: 'nolocal', enable_local_login: false },
    { ...code, client_id: 'restricted', identity_provider_restrictions: ['other'] },
    { ...code, client_id: 'acmeonly', tenants: ['acme'] },
    {
      client_id: 'machine',
      client_secrets: [{ value: 's' }],
      grant_types: ['client_credentials'],
      scope: 'api1',
      redirect_uris: [callback],
    },
    {
      client_id: 'tv',
      client_name: 'Television',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      scope: 'openid profile api1 offline_access',
    },
    {
      client_id: 'radio',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      scope: 'profile api1 offline_access',
      device_code_lifetime: 60,
      device_polling_interval: 7,
    },
    {
      client_id: 'mute',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      scope: '',
    },
  ],
}

/** A valid authorization request; a parameter given as undefined is omitted. */
export function authorizePath(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const parameters = {
    client_id: 'web',
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid api1',
    state: 'a state & more',
    nonce: 'n-1',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...changes,
  }
  const given = Object.entries(parameters).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return `/connect/authorize?${new URLSearchParams(given)}`
}

export const alice = { username: 'alice', password: 'wonderland', button: 'login' }

export const bob = { username: 'bob', password: 'builder', button: 'login' }

/** Signs in on the page that a request leads to. */
export const signIn = async (
  browser: Browser,
  target: string,
  credentials: Readonly<Record<string, string>> = alice,
): Promise<Page> => browser.submit(await browser.visit(target), credentials)

/** The parameters of the response that was redirected to the client. */
export function answerOf(page: Page, redirectUri = callback): URLSearchParams {
  assert.ok(
    page.location?.startsWith(redirectUri),
    `not redirected to the client: ${page.status} ${page.location ?? page.text}`,
  )
  return new URL((page.location ?? '').replace('#', '?')).searchParams
}

/** Asserts an error page: status 400, and no link to the client. */
export function assertErrorPage(page: Page, error: string, description?: string): void {
  assert.equal(page.status, 400)
  assert.equal(page.location, undefined)
  assert.equal(page.form, undefined)
  assert.match(page.text, new RegExp(`Error ${error}\\b`))
  if (description !== undefined) assert.ok(page.text.includes(description), page.text)
}

/** The claims of the ID token that the client `web` gets for the code. */
export async function redeem(server: Pick<TestServer, 'token'>, page: Page): Promise<any> {
  const { json } = await server.token({
    ...{ grant_type: 'authorization_code', client_id: 'web', code: answerOf(page).get('code') ?? '' },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })
  return claimsOf(json.id_token)
}
