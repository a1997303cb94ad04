/**
 * Calls that must not compile. Each directive names the code of the error and a part of its text; `types.test.ts` checks
 * that the compiler reports exactly these, and the compilation of this repository that each line has an error at all.
 */

import {
  authorizationCode,
  type Client,
  clientCredentials,
  clientSecretBasic,
  createClient,
  exchangeToken,
  extensionGrant,
  fetchUserinfo,
  type Issuer,
  introspectToken,
  jwtBearer,
  password,
  pollDeviceToken,
  refreshToken,
  registerClient,
  requestToken,
  revokeToken,
  startDeviceAuthorization,
  tokenTypes,
  unwrap,
  updateRegistration,
  validateIdToken,
} from '@tessera/client'
import { type ApiGuard, createApiGuard, dpopScheme } from '@tessera/client/api'
import { fetchGuard } from '@tessera/client/api/fetch'
import { createDpop, generateDpopKey } from '@tessera/client/dpop'

declare const client: Client
declare const issuer: Issuer
declare const guard: ApiGuard
const issued = await clientCredentials(client)
const device = unwrap(await startDeviceAuthorization(client))
const token = unwrap(await introspectToken(client, 'token'))
const registered = unwrap(await registerClient(issuer, {}))
const [code, redirect_uri, code_verifier] = ['c', 'https://app.example/cb', 'v'.repeat(43)]
const subject = { subject_token: 'token', subject_token_type: tokenTypes.accessToken }

// The client.
// @ts-expect-error TS2345 client_id
createClient({ issuer: 'https://id.example' })
// @ts-expect-error TS2322 ClientAuthentication
createClient({ issuer: 'https://id.example', client_id: 'web', authentication: 'client_secret_basic' })
// @ts-expect-error TS2554 Expected 1 arguments
createClient({ issuer: 'https://id.example', client_id: 'web', authentication: clientSecretBasic() })
// @ts-expect-error TS2353 client_secret
createClient({ issuer: 'https://id.example', client_id: 'web', client_secret: 'secret' })

// Outcomes.
// @ts-expect-error TS2339 access_token
issued.access_token
// @ts-expect-error TS2339 value
issued.value.access_token
// @ts-expect-error TS2345 Promise
unwrap(clientCredentials(client))

// Options that every grant has.
// @ts-expect-error TS2353 Client
clientCredentials({ scope: 'api1' })
// @ts-expect-error TS2561 scopes
clientCredentials(client, { scopes: ['api1'] })
// @ts-expect-error TS2322 string
clientCredentials(client, { scope: ['api1'] })
// @ts-expect-error TS2322 number
clientCredentials(client, { resource: 7 })
// @ts-expect-error TS2353 readonly string[]
clientCredentials(client, { parameters: { nested: { a: 'b' } } })
// @ts-expect-error TS2353 previous
clientCredentials(client, { previous: { sub: 'alice' } })
// @ts-expect-error TS2345 grant_type
requestToken(client, { scope: 'api1' })

// The grants.
// @ts-expect-error TS2345 code_verifier
authorizationCode(client, { code, redirect_uri })
// @ts-expect-error TS2345 redirect_uri
authorizationCode(client, { code, code_verifier })
// @ts-expect-error TS2561 codeVerifier
authorizationCode(client, { code, redirect_uri, code_verifier, codeVerifier: code_verifier })
// @ts-expect-error TS2345 AuthorizationCode
authorizationCode(client, code)
// @ts-expect-error TS2554 Expected 2-3 arguments
refreshToken(client)
// @ts-expect-error TS2345 string | undefined
refreshToken(client, unwrap(issued).refresh_token)
// @ts-expect-error TS2741 password
password(client, { username: 'bob' })
// @ts-expect-error TS2322 string
password(client, { username: 'bob', password: 'bob', acr_values: { tenant: 'acme' } })
// @ts-expect-error TS2741 expires_at
pollDeviceToken(client, { device_code: 'd', interval: 5 })
// @ts-expect-error TS2345 string
pollDeviceToken(client, device.device_code)
// @ts-expect-error TS2353 scope
pollDeviceToken(client, device, { scope: 'api1' })
// @ts-expect-error TS2345 actor_token_type
exchangeToken(client, { ...subject, actor_token: 'token' })
// @ts-expect-error TS2345 actor_token
exchangeToken(client, { ...subject, actor_token_type: tokenTypes.jwt })
// @ts-expect-error TS2345 subject_token_type
exchangeToken(client, { subject_token: 'token' })
// @ts-expect-error TS2322 access_token
exchangeToken(client, { subject_token: 'token', subject_token_type: 'access_token' })
// @ts-expect-error TS2322 jwt
exchangeToken(client, { ...subject, requested_token_type: 'jwt' })
// @ts-expect-error TS2345 TokenResponse
jwtBearer(client, unwrap(issued))
// @ts-expect-error TS2345 password
extensionGrant(client, 'password', { username: 'bob', password: 'bob' })

// ID tokens and endpoints.
// @ts-expect-error TS2561 maxAge
validateIdToken(client, 'token', { maxAge: 60 })
// @ts-expect-error TS2554 Expected 3-4 arguments
fetchUserinfo(client, 'token')
// @ts-expect-error TS2345 undefined
fetchUserinfo(client, 'token', undefined)
// @ts-expect-error TS2339 sub
token.sub
// @ts-expect-error TS2345 TokenResponse
revokeToken(client, unwrap(issued))
// @ts-expect-error TS2739 Issuer
registerClient(client, {})
// @ts-expect-error TS2561 redirect_uri
registerClient(issuer, { redirect_uri: 'https://app.example/cb' })
// @ts-expect-error TS2353 registration_access_token
updateRegistration(issuer, registered, { registration_access_token: 'token' })

// Keys and proofs.
// @ts-expect-error TS2739 Promise
createClient({ issuer: 'https://id.example', client_id: 'web', proof: createDpop() })
// @ts-expect-error TS2820 HS256
generateDpopKey({ alg: 'HS256' })
// @ts-expect-error TS2345 DpopKeyPair
createDpop('-----BEGIN PRIVATE KEY-----')

// The guard of an API.
// @ts-expect-error TS2741 url
dpopScheme({ algorithms: ['ES256'] })
// @ts-expect-error TS2322 TokenScheme
createApiGuard(issuer, { audience: 'urn:api', schemes: ['DPoP'] })
// @ts-expect-error TS2345 ApiGuardOptions
createApiGuard(issuer, {})
// @ts-expect-error TS2561 scopes
guard.requires({ scopes: 'read' })
// @ts-expect-error TS2322 number
guard.requires({ max_age: '60' })
// @ts-expect-error TS2345 Access
fetchGuard(guard, {}, (_: Request, name: string) => new Response(name))
