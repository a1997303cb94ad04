/**
 * better-auth with its OAuth provider, on SQLite in memory. The benchmark compares Tessera with it, so it is a
 * dependency of `bench` and resolved from there: at the root of the repository, its optional peers conflict with
 * those of other test dependencies.
 */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { clientSecretBasic, clientSecretPost, noAuthentication, privateKeyJwt } from '@tessera/client'
import {
  createVisitor,
  type InteropServer,
  post_logout_redirect_uri,
  redirect_uri,
  secret,
} from './server.ts'

const bench = createRequire(new URL('../../../bench/package.json', import.meta.url))
/** Imports a package of the benchmark. Its types are not of interest here. */
const load = (specifier: string): Promise<any> => import(pathToFileURL(bench.resolve(specifier)).href)

const scope = 'api1'
const resource = 'urn:api'
const credentials = { email: 'ada@corp.example', password: 'a-password-of-ada' }

export async function startBetterAuth(): Promise<InteropServer> {
  const [{ betterAuth }, provider, { getMigrations }, { toNodeHandler }, { jwt }] = await Promise.all(
    [
      'better-auth',
      '@better-auth/oauth-provider',
      'better-auth/db/migration',
      'better-auth/node',
      'better-auth/plugins',
    ].map(load),
  )
  const server = createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const options = {
    database: new DatabaseSync(':memory:'),
    ...{ baseURL: origin, basePath: '/', secret: 'a-secret-of-better-auth-for-tests' },
    ...{ logger: { disabled: true }, telemetry: { enabled: false }, rateLimit: { enabled: false } },
    emailAndPassword: { enabled: true },
    plugins: [
      jwt({
        jwks: { keyPairConfig: { alg: 'ES256' }, disablePrivateKeyEncryption: true },
        disableSettingJwtHeader: true,
      }),
      provider.oauthProvider({
        ...{ loginPage: '/login', consentPage: '/consent' },
        scopes: ['openid', 'profile', 'email', 'offline_access', scope],
        resources: [{ identifier: resource, signingAlgorithm: 'ES256' }],
        enforcePerClientResources: false,
        allowDynamicClientRegistration: true,
        allowUnauthenticatedClientRegistration: true,
        silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
      }),
      provider.oauthDeviceAuthorization({ interval: '1s', verificationUri: '/device' }),
    ],
  }
  await (await getMigrations(options)).runMigrations()
  const auth = betterAuth(options)
  const { adapter } = await auth.$context
  const own = toNodeHandler(auth)
  const configuration = provider.oauthProviderOpenIdConfigMetadata(auth)
  const handle: RequestListener = async (request, response) => {
    if (request.url !== '/.well-known/openid-configuration') return own(request, response)
    const metadata: Response = await configuration(new Request(`${origin}${request.url}`))
    response.writeHead(metadata.status, { 'content-type': 'application/json' }).end(await metadata.text())
  }

  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    { name: 'ECDSA', namedCurve: 'P-256' },
    true,
    ['sign', 'verify'],
  )
  const jwk = {
    ...(await crypto.subtle.exportKey('jwk', publicKey)),
    kid: 'machine',
    alg: 'ES256',
    use: 'sig',
  }
  const machine = {
    ...{ redirectUris: [], responseTypes: [], grantTypes: ['client_credentials'] },
    ...{ scopes: [scope], clientCredentialsScopes: [scope] },
  }
  const clients = [
    { clientId: 'machine-basic', tokenEndpointAuthMethod: 'client_secret_basic', ...machine },
    { clientId: 'machine-post', tokenEndpointAuthMethod: 'client_secret_post', ...machine },
    {
      ...{ clientId: 'machine-key', tokenEndpointAuthMethod: 'private_key_jwt', ...machine },
      ...{ clientSecret: undefined, jwks: JSON.stringify({ keys: [jwk] }) },
    },
    {
      ...{ clientId: 'web', tokenEndpointAuthMethod: 'client_secret_basic' },
      ...{ redirectUris: [redirect_uri], responseTypes: ['code'], requirePKCE: true },
      ...{ enableEndSession: true, postLogoutRedirectUris: [post_logout_redirect_uri] },
      ...{ grantTypes: ['authorization_code', 'refresh_token'] },
      scopes: ['openid', 'profile', 'email', 'offline_access', scope],
    },
    {
      ...{ clientId: 'device', tokenEndpointAuthMethod: 'none', clientSecret: undefined },
      ...{ redirectUris: [], responseTypes: [], scopes: ['openid', scope] },
      grantTypes: ['urn:ietf:params:oauth:grant-type:device_code'],
    },
  ]
  for (const client of clients)
    await adapter.create({
      model: 'oauthClient',
      data: {
        ...{ clientSecret: createHash('sha256').update(secret).digest('base64url') },
        ...{ disabled: false, createdAt: new Date(), updatedAt: new Date(), ...client },
      },
    })

  const json = (body: object): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify(body),
  })
  await fetch(`${origin}/sign-up/email`, json({ ...credentials, name: 'Ada' }))
  /** A browser in which the user is signed in. */
  const signedIn = async () => {
    const visitor = createVisitor(origin)
    await visitor.send(`${origin}/sign-in/email`, json(credentials))
    return visitor
  }

  let browser = createVisitor(origin)

  return {
    ...{ name: 'better-auth', issuer: origin, redirect_uri, post_logout_redirect_uri, scope, resource },
    machines: [
      { client_id: 'machine-basic', authentication: clientSecretBasic(secret) },
      { client_id: 'machine-post', authentication: clientSecretPost(secret) },
      { client_id: 'machine-key', authentication: privateKeyJwt(privateKey, { kid: 'machine' }) },
    ],
    web: { client_id: 'web', authentication: clientSecretBasic(secret) },
    api: { client_id: 'web', authentication: clientSecretBasic(secret) },
    device: { client_id: 'device', authentication: noAuthentication() },
    async authorize(url) {
      browser = await signedIn()
      const { send } = browser
      const next = new URL(await redirectOf(await send(url)), origin)
      if (next.pathname !== '/consent') return next.href
      const consent = { accept: true, oauth_query: next.search.slice(1) }
      return redirectOf(await send(`${origin}/oauth2/consent`, json(consent)))
    },
    open: async url => redirectOf(await createVisitor(origin).send(url)),
    signOut: async url => redirectOf(await browser.send(url)),
    async approveDevice({ user_code }) {
      const { send } = await signedIn()
      await send(`${origin}/device?user_code=${user_code}`)
      const response = await send(`${origin}/device/approve`, json({ userCode: user_code }))
      if (!response.ok) throw new Error(await response.text())
    },
    replaceKeys: async () => void (await adapter.deleteMany({ model: 'jwks', where: [] })),
    async close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** It redirects only requests that a browser marks as navigations; others get the URL as JSON. */
const redirectOf = async (response: Response): Promise<string> =>
  response.headers.get('location') ?? ((await response.json()) as { url: string }).url
