/**
 * A server with tenants that have their own issuers, all with the same clients and user names. Anything that is
 * accepted at two of them is a leak.
 */

import { generateKeyPairSync } from 'node:crypto'
import { callback } from './sign-in.ts'
import { basic, type Form, type SendOptions, type TestServer } from './tessera.ts'

/** The client "signer" has the same key everywhere, like an application with many customers. */
export const signerKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const clientsOf = (secret: string) => [
  {
    client_id: 'web',
    client_name: `Web of ${secret}`,
    client_secrets: [{ value: secret }],
    grant_types: ['authorization_code', 'refresh_token', 'password', 'client_credentials'],
    redirect_uris: [callback],
    scope: 'openid profile api1 offline_access',
    require_consent: true,
    allowed_cors_origins: [`https://${secret}.example`],
  },
  {
    client_id: 'opaque',
    client_secrets: [{ value: secret }],
    grant_types: ['client_credentials', 'password'],
    scope: 'openid profile api1',
    access_token_type: 'reference',
  },
  {
    client_id: 'exchanger',
    client_secrets: [{ value: secret }],
    grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'],
    scope: 'api1',
  },
  {
    client_id: 'signer',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [signerKey.publicKey.export({ format: 'jwk' })] },
    grant_types: ['client_credentials'],
    scope: 'api1',
  },
  {
    client_id: 'tv',
    token_endpoint_auth_method: 'none',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    scope: 'openid profile api1 offline_access',
  },
]

const userOf = (tenant: string | undefined, password: string) => ({
  sub: 'alice',
  username: 'alice',
  password,
  claims: { name: `Alice of ${password}` },
  ...(tenant !== undefined && { tenant }),
})

const apiOf = (secret: string) => ({
  name: 'urn:api',
  scopes: ['api1'],
  api_secrets: [{ value: `${secret}-api` }],
})

/** Clients may register at each, with its own token. */
const registrationOf = (secret: string) => ({
  mode: 'initial_access_token',
  initial_access_tokens: [{ value: `${secret}-may-register` }],
  allowed_grant_types: ['authorization_code', 'client_credentials'],
  allowed_scope: 'openid api1',
})

const ownOf = (secret: string) => ({
  clients: clientsOf(secret),
  api_resources: [apiOf(secret)],
  registration: registrationOf(secret),
})

export const tenantsWorld = {
  api_scopes: [{ name: 'api1' }],
  ...ownOf('main'),
  users: [
    userOf(undefined, 'main'),
    userOf('acme', 'acme'),
    userOf('globex', 'globex'),
    userOf('initech', 'initech'),
    { ...userOf('shared', 'shared'), sub: 'shared-alice' },
  ],
  tenants: [
    { name: 'acme', issuer: 'path', ...ownOf('acme') },
    { name: 'globex', issuer: 'path', ...ownOf('globex') },
    {
      name: 'initech',
      issuer: 'https://id.initech.example',
      ...ownOf('initech'),
    },
    { name: 'shared' },
  ],
}

/** An issuer of that world: how it is called, and its own secret and password. */
export type Place = {
  readonly name: string
  readonly issuer: string
  /** The prefix of its paths. */
  readonly base: string
  readonly secret: string
  readonly send: TestServer['send']
  readonly token: (form: Form, client?: string) => ReturnType<TestServer['send']>
}

const placeOf = (server: TestServer, name: string, issuer: string, base = ''): Place => {
  const { host } = new URL(issuer)
  const send: Place['send'] = (method, target, { headers, ...options }: SendOptions = {}) =>
    server.send(method, target, { ...options, headers: { host, ...headers } })
  return {
    ...{ name, issuer, base, send, secret: name },
    token: (form, client = 'web') =>
      send('POST', `${base}/connect/token`, { form, headers: basic(client, name) }),
  }
}

export const placesOf = (server: TestServer): readonly Place[] => [
  placeOf(server, 'main', 'https://id.example'),
  placeOf(server, 'acme', 'https://id.example/t/acme', '/t/acme'),
  placeOf(server, 'globex', 'https://id.example/t/globex', '/t/globex'),
  placeOf(server, 'initech', 'https://id.initech.example'),
]
