/** Requests to the admin API, for tests. */

import assert from 'node:assert/strict'
import { adminScopes } from '../../packages/server/src/model/admin-api.ts'
import { type Answer, createTestServer, type SendOptions, type TestServer } from './tessera.ts'

const secret = 'a-secret-of-an-operator'
const client_secrets = [{ value: secret }]

/** A configuration with the admin API, and a client that may do everything. */
export const adminWorld = {
  accounts: {},
  admin_api: { enabled: true },
  tenants: [{ name: 'acme' }],
  api_scopes: [{ name: 'api1' }],
  api_resources: [{ name: 'urn:api', scopes: ['api1'] }],
  identity_resources: [{ name: 'team', claims: ['team'] }],
  identity_providers: [
    { name: 'corp', type: 'oidc', issuer: 'https://corp.example', client_id: 'tessera', client_secret: 's' },
  ],
  users: [
    {
      ...{ sub: 'file-1', username: 'fiona', password: 'seven purple kettles', roles: ['staff'] },
      claims: { name: 'Fiona', email: 'fiona@example.com', email_verified: true },
    },
  ],
  clients: [
    {
      client_id: 'operator',
      client_secrets,
      grant_types: ['client_credentials'],
      scope: `api1 ${adminScopes.join(' ')}`,
    },
    {
      client_id: 'web',
      client_secrets,
      grant_types: ['authorization_code', 'password', 'refresh_token'],
      redirect_uris: ['https://app.example/cb'],
      scope: `openid api1 offline_access ${adminScopes.join(' ')}`,
    },
  ],
} as const

/** Returns an access token of the client for these scopes. */
export async function adminToken(
  server: TestServer,
  scope: readonly string[] | string = adminScopes,
  options: SendOptions & { readonly client?: string } = {},
): Promise<string> {
  const { client = 'operator', ...rest } = options
  const { json } = await server.token(
    { grant_type: 'client_credentials', scope: [scope].flat().join(' ') },
    { client: [client, secret], ...rest },
  )
  assert.ok(json.access_token, JSON.stringify(json))
  return json.access_token
}

export type Admin = {
  readonly server: TestServer
  readonly token: string
  /** Sends a request below `/admin/api/v1`; an object is sent as JSON, or as a merge patch by PATCH. */
  readonly call: (method: string, path: string, body?: unknown, headers?: Headers) => Promise<Answer>
  /** Every call so far, as `METHOD path status`. */
  readonly calls: readonly { readonly method: string; readonly path: string; readonly status: number }[]
}
type Headers = Readonly<Record<string, string>>

const base = '/admin/api/v1'

/** Starts a server with the admin API, and signs the operator in. */
export async function startAdmin(
  configuration: object = adminWorld,
  options: Parameters<typeof createTestServer>[1] = {},
): Promise<Admin> {
  const server = await createTestServer(configuration, options)
  const token = await adminToken(server)
  const calls: Admin['calls'][number][] = []
  return {
    server,
    token,
    calls,
    async call(method, path, body, headers = {}) {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
      const answer = await server.send(method, base + path, {
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': type }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      calls.push({ method, path: path.split('?', 1)[0]!, status: answer.status })
      return answer
    },
  }
}

/** Returns the `If-Match` header for the entity tag of a response. */
export const matching = ({ headers }: Answer): Headers => ({ 'if-match': String(headers.etag) })
