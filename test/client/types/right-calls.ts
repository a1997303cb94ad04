/** Calls that must compile: the other half of `wrong-calls.ts`, so that the types are not merely strict. */

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
  password,
  pollDeviceToken,
  readRegistration,
  refreshToken,
  registerClient,
  startDeviceAuthorization,
  tokenTypes,
  unwrap,
  updateRegistration,
} from '@tessera/client'
import { createDpop, generateDpopKey } from '@tessera/client/dpop'

declare const client: Client
declare const issuer: Issuer
declare const optional: string | undefined
declare const stored: { readonly device_code: string; readonly expires_at: number; readonly interval: number }
const [code, redirect_uri, code_verifier] = ['c', 'https://app.example/cb', 'v'.repeat(43)]
const subject = { subject_token: 'token', subject_token_type: 'urn:example:ticket' } as const

createClient({ issuer: 'https://id.example', client_id: 'spa', authentication: undefined })
createClient({ issuer, client_id: 'web', authentication: clientSecretBasic('secret'), fetch })
// Undefined is the same as a missing option.
const options = {
  scope: optional,
  resource: optional,
  audience: ['a', 'b'],
  parameters: { colour: optional },
}
const tokens = await clientCredentials(client, options)
if (tokens.ok) tokens.value.access_token.toUpperCase()
else tokens.error.code.toUpperCase()

const user = unwrap(await authorizationCode(client, { code, redirect_uri, code_verifier, nonce: optional }))
await fetchUserinfo(client, user.access_token, user.claims?.sub ?? null)
await refreshToken(client, user.refresh_token ?? '', { previous: user.claims })
await password(client, { username: 'bob', password: 'bob', acr_values: optional }, options)
await pollDeviceToken(client, unwrap(await startDeviceAuthorization(client, options)))
await pollDeviceToken(client, stored, { progress: ({ state, wait }) => `${state} ${wait.toFixed()}` })
await exchangeToken(client, { ...subject, actor_token: 'token', actor_token_type: tokenTypes.jwt }, options)
await exchangeToken(client, { ...subject, requested_token_type: tokenTypes.accessToken })
await extensionGrant(client, 'urn:example:grant', { ticket: ['a', 'b'], count: 7 }, options)
const token = unwrap(await introspectToken(client, 'token'))
if (token.active) token.sub?.toUpperCase()
const registered = unwrap(await registerClient(issuer, { redirect_uris: [redirect_uri] }))
await readRegistration(issuer, registered)
await updateRegistration(issuer, registered, { ...registered.metadata, client_name: 'App' })

const key = await generateDpopKey({ alg: 'Ed25519', extractable: true })
const exported = await crypto.subtle.exportKey('jwk', key.privateKey)
createClient({ issuer, client_id: 'spa', proof: await createDpop(key, { alg: 'EdDSA' }) }).proof?.tokenType
createClient({ issuer, client_id: 'spa', proof: await createDpop(exported) })
