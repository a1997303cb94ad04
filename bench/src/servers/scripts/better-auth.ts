/** The peer `better-auth` with its OAuth provider, on SQLite in memory: its own memory adapter scans all rows. */

import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'
import { codeForm } from '../../load/requests.ts'
import {
  api,
  apiRs256,
  challenge,
  lifetimes,
  machine,
  machineReference,
  machineRs256,
  type Party,
  redirectUri,
  user,
  userScope,
  web,
  webReference,
} from '../../parties.ts'
import type { Credential } from '../../rows/row.ts'
import { answerBench } from '../protocol.ts'

const hashed = (text: string): string => createHash('sha256').update(text).digest('base64url')
const handle = (): string => randomBytes(32).toString('base64url')
const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000)

const database = new DatabaseSync(':memory:')
const trusted = [machine, machineRs256, machineReference, web, webReference].map(({ client_id }) => client_id)
const options = {
  database,
  baseURL: 'http://127.0.0.1',
  basePath: '/',
  secret: handle(),
  logger: { disabled: true },
  telemetry: { enabled: false },
  rateLimit: { enabled: false },
  plugins: [
    jwt({
      jwks: {
        ...{ keyPairConfig: { alg: 'ES256' }, keyPairConfigs: [{ alg: 'RS256' }] },
        disablePrivateKeyEncryption: true,
      },
      disableSettingJwtHeader: true,
    }),
    oauthProvider({
      loginPage: '/login',
      consentPage: '/consent',
      scopes: [...userScope, apiRs256.scope],
      resources: [
        { identifier: api.audience, signingAlgorithm: 'ES256' },
        { identifier: apiRs256.audience, signingAlgorithm: 'RS256' },
      ],
      enforcePerClientResources: false,
      grantTypes: ['authorization_code', 'client_credentials', 'refresh_token'],
      cachedTrustedClients: new Set(trusted),
      accessTokenExpiresIn: lifetimes.accessToken,
      m2mAccessTokenExpiresIn: lifetimes.accessToken,
      idTokenExpiresIn: lifetimes.idToken,
      refreshTokenExpiresIn: lifetimes.refreshToken,
      codeExpiresIn: lifetimes.code,
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    } as never),
  ],
} as any
await (await getMigrations(options)).runMigrations()
const auth = betterAuth(options) as any
const context = await auth.$context

const clientOf = ({ client_id, client_secret }: Party, more: object) => ({
  clientId: client_id,
  clientSecret: hashed(client_secret),
  tokenEndpointAuthMethod: 'client_secret_basic',
  disabled: false,
  createdAt: new Date(),
  updatedAt: new Date(),
  ...more,
})
const machineOf = (party: Party, scope: string) =>
  clientOf(party, {
    ...{ redirectUris: [], responseTypes: [], grantTypes: ['client_credentials'] },
    ...{ scopes: [scope], clientCredentialsScopes: [scope] },
  })
const webOf = (party: Party) =>
  clientOf(party, {
    ...{ redirectUris: [redirectUri], responseTypes: ['code'], requirePKCE: true, scopes: [...userScope] },
    grantTypes: ['authorization_code', 'refresh_token'],
  })
const clients = [
  machineOf(machine, api.scope),
  machineOf(machineRs256, apiRs256.scope),
  machineOf(machineReference, api.scope),
  webOf(web),
  webOf(webReference),
]
for (const data of clients) await context.adapter.create({ model: 'oauthClient', data })
const { internalAdapter } = context
await context.adapter.create({
  model: 'user',
  data: {
    ...{ id: user.sub, name: user.name, email: 'alice@app.example', emailVerified: true },
    ...{ createdAt: new Date(), updatedAt: new Date() },
  },
  forceAllowId: true,
})
const session = await internalAdapter.createSession(user.sub)

async function codeOf({ client_id }: Party, resource?: readonly string[]): Promise<string> {
  const code = handle()
  const query = {
    ...{ client_id, redirect_uri: redirectUri, response_type: 'code', scope: userScope.join(' ') },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
  }
  await internalAdapter.createVerificationValue({
    identifier: hashed(code),
    ...{ createdAt: new Date(), updatedAt: new Date(), expiresAt: inSeconds(lifetimes.code) },
    value: JSON.stringify({
      ...{ type: 'authorization_code', query, userId: user.sub, sessionId: session.id, authTime: Date.now() },
      ...(resource && { resource }),
    }),
  })
  return code
}

async function tokensOf(party: Party, form: string): Promise<any> {
  const basic = Buffer.from(`${party.client_id}:${party.client_secret}`).toString('base64')
  const response = await auth.handler(
    new Request('http://127.0.0.1/oauth2/token', {
      method: 'POST',
      headers: {
        authorization: `Basic ${basic}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: form,
    }),
  )
  if (response.status !== 200) throw new Error(await response.text())
  return response.json()
}

const ofApi = [api.audience]
const makers: Record<Credential, () => Promise<string>> = {
  code: () => codeOf(web, ofApi),
  refresh_token: async () => (await tokensOf(web, codeForm(await codeOf(web, ofApi)))).refresh_token,
  jwt: async () => (await tokensOf(web, codeForm(await codeOf(web, ofApi)))).access_token,
  reference_token: async () =>
    (await tokensOf(webReference, codeForm(await codeOf(webReference)))).access_token,
}

// A key is created when it first signs; by then the keys must be published.
const named = (resource: string): string =>
  `grant_type=client_credentials&resource=${encodeURIComponent(resource)}`
await tokensOf(machine, named(api.audience))
await tokensOf(machineRs256, named(apiRs256.audience))

const server = createServer(toNodeHandler(auth))
server.listen(0, '127.0.0.1', () =>
  answerBench((server.address() as AddressInfo).port, kind => makers[kind]()),
)
