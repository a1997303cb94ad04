/** An API, and the server that issues its tokens. */

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import {
  type Client,
  clientSecretBasic,
  createClient,
  createIssuer,
  type Fetch,
  type Issuer,
} from '@tessera/client'
import {
  type ApiGuard,
  type ApiGuardOptions,
  type ApiRequest,
  createApiGuard,
  type Decision,
  type DecisionEvent,
  type Requirements,
} from '@tessera/client/api'
import { one } from '../support/certificates.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { type ClientWorld, startTessera } from './servers.ts'
import { createKey, now, sign, startTokenServer, url as tokenIssuer } from './token-server.ts'

export const audience = 'urn:api'

const client_secrets = [{ value: 'secret' }]
const machine = { client_secrets, grant_types: ['client_credentials'], scope: 'read write other' }

/** Clients of Tessera: `machine` gets JWTs, `opaque` reference tokens, `bound` tokens bound to its certificate. */
export const configuration = {
  mtls: { certificate_header: 'client-cert', trusted_proxies: ['10.0.0.1'] },
  clients: [
    { client_id: 'machine', ...machine },
    { client_id: 'opaque', ...machine, access_token_type: 'reference' },
    { client_id: 'bound', ...machine, tls_client_certificate_bound_access_tokens: true },
    {
      client_id: 'web',
      client_secrets,
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [redirectUri],
      scope: 'openid read write offline_access',
    },
  ],
  users: [{ sub: '88421113', username: 'bob', password: 'bob', claims: { name: 'Bob' } }],
  api_scopes: [{ name: 'read' }, { name: 'write' }, { name: 'other' }],
  api_resources: [
    { name: audience, scopes: ['read', 'write'], api_secrets: [{ value: 'api-secret' }] },
    { name: 'urn:other', scopes: ['other'], api_secrets: [{ value: 'other-secret' }] },
  ],
}

type UserTokens = Readonly<Record<'access_token' | 'id_token' | 'refresh_token', string>>

export type TesseraApi = ClientWorld & {
  readonly trusted: Issuer
  /** While it is down, no request of the API reaches the server. */
  readonly network: { down: boolean }
  /** The client of the API, for introspection. */
  readonly introspection: Client
  readonly tokenOf: (client_id: string, scope?: string, certificate?: string) => Promise<string>
  /** Returns tokens of a user who has just signed in. */
  readonly signIn: (authorization?: Parameters<typeof issueCode>[1]) => Promise<UserTokens>
  readonly revoke: (client_id: string, token: string) => Promise<void>
  /** The number of introspection requests until now. */
  readonly introspections: () => number
}

/** Starts Tessera with an API. */
export async function startApi(): Promise<TesseraApi> {
  const world = await startTessera(configuration)
  const { server, issuer } = world
  const network = { down: false }
  const fetch: Fetch = async (url, init) => {
    if (network.down) throw new TypeError('unreachable')
    return world.fetch(url, init)
  }
  const trusted = createIssuer(issuer, { fetch, now: server.clock.now })
  const introspection = createClient({
    issuer: trusted,
    client_id: audience,
    authentication: clientSecretBasic('api-secret'),
    fetch,
  })
  return {
    ...world,
    fetch,
    network,
    trusted,
    introspection,
    async tokenOf(client_id, scope = 'read', certificate = one) {
      const form = { grant_type: 'client_credentials', scope }
      const { json } = await server.token(form, { client: [client_id, 'secret'], certificate })
      assert.ok(json.access_token, JSON.stringify(json))
      return json.access_token
    },
    async signIn(authorization) {
      const scope = ['offline_access', 'openid', 'read']
      const code = await issueCode(server, { scope, ...authorization })
      const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri }
      const { json } = await server.token({ ...form, code_verifier: verifier }, { client: ['web', 'secret'] })
      assert.ok(json.id_token, JSON.stringify(json))
      return json
    },
    introspections: () => world.sent.filter(({ url }) => url.endsWith('/connect/introspect')).length,
    async revoke(client_id, token) {
      const { authorization } = basic(client_id)
      const form = { token }
      const { status } = await server.send('POST', '/connect/revocation', {
        form,
        headers: { authorization },
      })
      assert.equal(status, 200)
    },
  }
}

const basic = (client_id: string): { readonly authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${client_id}:secret`).toString('base64')}`,
})

const key = await createKey('ES256')

/** An issuer without Tessera, for tokens of any kind. */
export function startIssuer() {
  const server = startTokenServer([key.jwk])
  const claims = { iss: tokenIssuer, sub: 'alice', aud: audience, exp: now + 300, iat: now }
  const more = { jti: '1', client_id: 'app', scope: 'read write' }
  return Object.assign(server, {
    key,
    token: (changed: object = {}, header: object = {}) =>
      sign({ ...claims, ...more, ...changed }, key, { typ: 'at+jwt', ...header }),
  })
}

/** The thumbprint of a certificate: `x5t#S256` (RFC 8705 §3.1). */
export const thumbprintOf = (certificate: string): string =>
  hash('sha256', Buffer.from(certificate, 'base64'), 'base64url')

export type Request = Partial<Omit<ApiRequest, 'header'>> & {
  readonly token?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

/** Returns a request to the API with a bearer token. */
export function requestOf({ token, headers = {}, ...more }: Request = {}): ApiRequest {
  const all: NonNullable<Request['headers']> = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...headers,
  }
  return { method: 'GET', url: '/orders', header: name => [all[name] ?? []].flat(), ...more }
}

export type GuardedApi = {
  readonly guard: ApiGuard
  readonly events: readonly DecisionEvent[]
  readonly check: (request: Request, requirements?: Requirements) => Promise<Decision>
}

/** Creates a guard that collects its decisions. No event may contain the token. */
export function guardOf(
  issuers: Parameters<typeof createApiGuard>[0],
  options: Partial<ApiGuardOptions> = {},
): GuardedApi {
  const events: DecisionEvent[] = []
  const guard = createApiGuard(issuers, {
    audience,
    hooks: { decided: event => events.push(event) },
    ...options,
  } as ApiGuardOptions)
  return {
    guard,
    events,
    async check(request, requirements) {
      const decision = await guard.requires(requirements)(requestOf(request))
      const { token } = request
      if (token && token.length > 10) assert.ok(!JSON.stringify([events, decision]).includes(token))
      return decision
    },
  }
}

/** The reason, the status and the challenge of a refusal. */
export function refusalOf(decision: Decision): readonly [string, number, string | undefined] {
  assert.ok(!decision.ok, 'the request was allowed')
  const { status, headers } = decision.response
  assert.equal(headers['cache-control'], 'no-store')
  return [decision.reason, status, headers['www-authenticate']]
}
