/**
 * The examples at the top of the endpoint pages, and what they need: each page begins with a request and its response,
 * as HTTP messages. Words in capitals are replaced by values of the server that runs them.
 */

import assert from 'node:assert/strict'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { readText } from '../support/repository.ts'
import { challenge, verifier } from '../support/sign-in.ts'
import { basic, createTestServer, type TestServer } from '../support/tessera.ts'

export type Message = {
  /** `POST /connect/token`, or `HTTP/1.1 200 OK`. */
  readonly first: string
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** Returns the pairs of request and response of a page. */
export function examplesOf(
  page: string,
): readonly { readonly request: Message; readonly response: Message }[] {
  const blocks = [...readText(page).matchAll(/^```http\n(.*?)\n```$/gms)].map(([, text]) => messageOf(text!))
  assert.equal(blocks.length % 2, 0, `${page}: expected a response after each request`)
  return Array.from({ length: blocks.length / 2 }, (_, index) => ({
    request: blocks[index * 2]!,
    response: blocks[index * 2 + 1]!,
  }))
}

function messageOf(text: string): Message {
  const [head = '', ...rest] = text.split('\n\n')
  // A line that continues in an indented one is one line of the message.
  const [first = '', ...lines] = head.replace(/\n +/g, '').split('\n')
  const headers = lines.map(line => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    line.slice(line.indexOf(':') + 1).trim(),
  ])
  return { first, headers: new Map(headers as [string, string][]), body: rest.join('\n\n') }
}

const issuer = 'https://login.example'
const redirect_uri = 'https://app.example/callback'

/** The configuration of the examples. */
const configuration = {
  issuer,
  api_scopes: [{ name: 'invoices.read' }],
  api_resources: [
    { name: 'urn:invoices', scopes: ['invoices.read'], api_secrets: [{ value: 'secret-of-invoices' }] },
  ],
  clients: [
    {
      client_id: 'machine',
      client_secrets: [{ value: 'secret-of-machine' }],
      grant_types: ['client_credentials'],
      scope: 'invoices.read',
    },
    {
      client_id: 'web',
      client_secrets: [{ value: 'secret-of-web' }],
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [redirect_uri],
      post_logout_redirect_uris: ['https://app.example/'],
      scope: 'openid profile email invoices.read offline_access',
    },
    {
      client_id: 'bank',
      client_secrets: [{ value: 'secret-of-bank' }],
      redirect_uris: [redirect_uri],
      scope: 'openid',
      mfa: { mode: 'required' },
    },
    {
      client_id: 'operator',
      client_secrets: [{ value: 'secret' }],
      grant_types: ['client_credentials'],
      scope: 'admin:users.read admin:users.write admin:users.revoke admin:blocks.write',
    },
    {
      client_id: 'tv',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      scope: 'openid profile',
    },
  ],
  identity_providers: [
    { name: 'corp', type: 'oidc', issuer: 'https://corp.example', client_id: 'x', client_secret: 'y' },
  ],
  users: [
    {
      sub: '7f0c',
      username: 'alice',
      password: 'alice',
      claims: { name: 'Alice Adams', email: 'alice@example.com', email_verified: true },
    },
  ],
  registration: { mode: 'open' },
  admin_api: { enabled: true },
  metrics: { tokens: [{ value: 'secret-of-prometheus' }] },
}

/** The values of the words in capitals, and the server of the examples. */
type Prepared = { readonly words: Readonly<Record<string, string>>; readonly send: TestServer['send'] }

export async function prepare(): Promise<Prepared> {
  const server = await createTestServer(configuration)
  const browser = createBrowser(server)
  const request = {
    ...{ client_id: 'web', response_type: 'code', redirect_uri, state: 'af0ifjsldkj' },
    ...{ scope: 'openid profile email invoices.read offline_access' },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
  }
  const path = `/connect/authorize?${new URLSearchParams(request)}`
  const login = await browser.visit(path)
  const answer = await browser.submit(login, { username: 'alice', password: 'alice', button: 'login' })
  const redeem = async ({ location = '' }: Page) => {
    const code = new URL(location).searchParams.get('code') ?? ''
    const redeemed = await server.send('POST', '/connect/token', {
      form: { grant_type: 'authorization_code', code, redirect_uri, code_verifier: verifier },
      headers: basic('web', 'secret-of-web'),
    })
    assert.equal(redeemed.status, 200, String(redeemed.body))
    return redeemed.json
  }
  const tokens = await redeem(answer)
  // One page revokes the refresh token, and thereby the sign-in that it belongs to.
  const { refresh_token } = await redeem(await browser.visit(path))
  const other = createBrowser(server)
  const bank = await other.visit(
    `/connect/authorize?${new URLSearchParams({ ...request, client_id: 'bank', scope: 'openid' })}`,
  )
  const { target } = await other.submit(bank, { username: 'alice', password: 'alice', button: 'login' })
  assert.ok(target.startsWith('/mfa?continue='), target)
  const operator = await server.token(
    {
      grant_type: 'client_credentials',
      scope: 'admin:users.read admin:users.write admin:users.revoke admin:blocks.write',
    },
    { client: ['operator', 'secret'] },
  )
  const device = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } })
  return {
    words: {
      ACCESS_TOKEN: tokens.access_token,
      ADMIN_TOKEN: operator.json.access_token,
      REFRESH_TOKEN: refresh_token,
      CURRENT_REFRESH_TOKEN: tokens.refresh_token,
      ID_TOKEN: tokens.id_token,
      USER_CODE: device.json.user_code,
      CONTINUE: new URLSearchParams(target.slice('/mfa?'.length)).get('continue') ?? '',
      COOKIES_OF_SIGN_IN: cookiesOf(other),
      COOKIES: cookiesOf(browser),
    },
    send: server.send,
  }
}

const cookiesOf = ({ cookies }: Pick<Browser, 'cookies'>): string =>
  [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
