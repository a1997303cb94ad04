/** Client authentication (RFC 6749 §2.3, §3.2.1): who asks, proven in exactly one way. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result } from '@tessera/protocol/result'
import type { Confirmation } from '../core/authorization.ts'
import type { Client, ClientAuthenticationMethod, Clients } from '../core/client.ts'
import type { Awaitable } from '../core/runtime.ts'
import { readCredential } from './credential.ts'
import { type AuthenticationMethod, type Credential, refuseClient, type VerificationPorts } from './method.ts'
import { methods } from './methods.ts'
import { createSecrets, type VerifyArgon2id } from './secrets.ts'

export type Authenticated = {
  readonly client: Client
  readonly method: ClientAuthenticationMethod
  /** The certificate that proved it (RFC 8705 §3.1). */
  readonly confirmation?: Confirmation
}

export type AuthenticateClient = (
  request: HttpRequest,
  parameters: Parameters,
) => Awaitable<Result<Authenticated>>

export type ClientAuthenticationPorts = Omit<VerificationPorts, 'secrets'> & {
  readonly clients: Clients
  readonly verifyArgon2id: VerifyArgon2id
  readonly compatibility?: 'none' | 'identityserver4'
}

const byName = new Map<ClientAuthenticationMethod, AuthenticationMethod>(
  methods.map(method => [method.name, method]),
)

/**
 * Refuses `invalid_client`, with one description for every cause and the same work for an unknown or disabled client as
 * for a wrong secret; `invalid_request` for two ways in one request; `temporarily_unavailable` when it can't tell now.
 * Answers at once for public clients and for secrets that are kept as SHA-256.
 */
export function createClientAuthentication({
  clients,
  compatibility,
  verifyArgon2id,
  ...rest
}: ClientAuthenticationPorts): AuthenticateClient {
  const secrets = createSecrets({ clock: rest.clock, verifyArgon2id })
  const ports: VerificationPorts = { ...rest, secrets }
  const lenient = compatibility === 'identityserver4'

  return (request, parameters) => {
    const credential = readCredential(request, parameters, lenient)
    if (!credential.ok) return credential
    const client = clients.find(credential.value.client_id)
    return client instanceof Promise
      ? client.then(found => verify(found, credential.value, request))
      : verify(client, credential.value, request)
  }

  function verify(
    client: Client | undefined,
    credential: Credential,
    request: HttpRequest,
  ): Awaitable<Result<Authenticated>> {
    const method = client?.enabled ? methodOf(client, credential) : undefined
    if (client === undefined || method === undefined) {
      if (credential.kind === 'secret') secrets.check(credential.secret, [])
      return refuseClient(reasonOf(client), { client_id: credential.client_id })
    }
    const verified = method.verify(client, credential, request, ports)
    return verified instanceof Promise
      ? verified.then(outcome => answer(client, method, outcome))
      : answer(client, method, verified)
  }
}

const reasonOf = (client: Client | undefined): string => {
  if (client === undefined) return 'client_unknown'
  return client.enabled ? 'client_authentication_method_not_registered' : 'client_disabled'
}

/** The method that the credential belongs to, if the client may use it; undefined when it may not. */
function methodOf(
  { token_endpoint_auth_method: registered }: Client,
  credential: Credential,
): AuthenticationMethod | undefined {
  // RFC 7591 §2 would make Basic the default; taking both is what clients in the wild need.
  if (registered === undefined)
    return byName.get(credential.kind === 'secret' ? credential.method : 'client_secret_basic')
  if (credential.kind === 'secret' && registered !== 'none' && registered !== credential.method)
    return undefined
  return byName.get(registered)
}

function answer(
  client: Client,
  { name: method }: AuthenticationMethod,
  outcome: Result<Confirmation | undefined>,
): Result<Authenticated> {
  if (!outcome.ok) return { ...outcome, log: { client_id: client.client_id, method, ...outcome.log } }
  return ok({ client, method, ...(outcome.value && { confirmation: outcome.value }) })
}
