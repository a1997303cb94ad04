/** Scenarios of `@tessera/client`, which run at each server, and the steps that they share. */

import {
  type AuthorizationOptions,
  type Client,
  type CompletedAuthorization,
  completeAuthorization,
  createAuthorizationRequest,
  createClient,
  createIssuer,
  type Result,
  unwrap,
  validateAuthorizationResponse,
} from '@tessera/client'
import type { InteropClient, InteropServer } from '../servers/server.ts'

/** Maps titles to tests. */
export type Scenarios = Readonly<Record<string, (server: InteropServer) => Promise<void>>>

export const as = ({ issuer }: InteropServer, client: InteropClient): Client =>
  createClient({ issuer, ...client })

/** Returns the kind and the code of an error. */
export const errorOf = (result: Result<unknown>): string =>
  result.ok ? 'no error' : `${result.error.kind} ${result.error.code}`

/** Returns whether the server's metadata has a member. */
export const offers = async ({ issuer }: InteropServer, member: string): Promise<boolean> =>
  Object.hasOwn(unwrap(await createIssuer(issuer).metadata()), member)

type Options = Partial<AuthorizationOptions>

export const tryRequest = ({ redirect_uri }: InteropServer, client: Client, options: Options = {}) =>
  createAuthorizationRequest(client, {
    redirect_uri,
    scope: 'openid profile offline_access',
    // OpenID Connect Core 1.0 §11: required for offline access.
    prompt: 'consent',
    ...options,
  })

export const requestFor = async (server: InteropServer, client: Client, options: Options = {}) =>
  unwrap(await tryRequest(server, client, options))

/** Signs a user in. Returns the response, and the grant for the token request. */
export async function authorize(server: InteropServer, client: Client, options: Options = {}) {
  const { url, pending } = await requestFor(server, client, options)
  const response = unwrap(await validateAuthorizationResponse(client, await server.authorize(url), pending))
  const { code_verifier = '', redirect_uri, nonce } = pending
  return { response, grant: { code: response.code ?? '', code_verifier, redirect_uri, nonce } }
}

/** Signs a user in. */
export async function signIn(
  server: InteropServer,
  client: Client,
  options: Options = {},
): Promise<CompletedAuthorization> {
  const { url, pending } = await requestFor(server, client, options)
  return unwrap(await completeAuthorization(client, await server.authorize(url), pending))
}
