/** Client authentication (RFC 6749 §2.3, §3.2.1): who asks, proven in exactly one way. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result } from '@tessera/protocol/result'
import type { Confirmation } from '../core/authorization.ts'
import type { Client, ClientAuthenticationMethod, Clients } from '../core/client.ts'
import type { Awaitable, Random } from '../core/runtime.ts'
import { readCredential } from './credential.ts'
import type { ClientFailures, Held } from './failures.ts'
import { type AuthenticationMethod, type Credential, refuseClient, type VerificationPorts } from './method.ts'
import { methods } from './methods.ts'
import { signedReasons } from './private-key-jwt.ts'
import { createSecrets, type VerifyArgon2id } from './secrets.ts'

export type Authenticated = {
  readonly client: Client
  readonly method: ClientAuthenticationMethod
  /** The certificate that proved it (RFC 8705 §3.1). */
  readonly confirmation?: Confirmation
}

/** @param countedAs the name that failures are counted for; the client's id unless given. */
export type AuthenticateClient = (
  request: HttpRequest,
  parameters: Parameters,
  countedAs?: string,
) => Awaitable<Result<Authenticated>>

export type ClientAuthenticationPorts = Omit<VerificationPorts, 'secrets'> & {
  readonly clients: Clients
  readonly failures: ClientFailures
  readonly random: Random
  readonly verifyArgon2id: VerifyArgon2id
  readonly compatibility?: 'none' | 'identityserver4'
}

const byName = new Map<ClientAuthenticationMethod, AuthenticationMethod>(
  methods.map(method => [method.name, method]),
)

/**
 * Refuses `invalid_client`, with one description for every cause; `invalid_client` with how long to wait where too many
 * secrets or assertions were wrong;
 * `invalid_request` for two ways in one request; `temporarily_unavailable` when it can't tell now.
 * Returns at once for public clients and for secrets that are kept as SHA-256.
 */
export function createClientAuthentication({
  clients,
  compatibility,
  failures,
  random,
  verifyArgon2id,
  ...rest
}: ClientAuthenticationPorts): AuthenticateClient {
  const secrets = createSecrets({ clock: rest.clock, random, verifyArgon2id })
  const ports: VerificationPorts = { ...rest, secrets }
  const lenient = compatibility === 'identityserver4'

  return (request, parameters, countedAs) => {
    const credential = readCredential(request, parameters, lenient)
    if (!credential.ok) return credential
    // Whoever only says who they are guesses nothing: a certificate can't be guessed, and a public client has no secret.
    if (credential.value.kind === 'identity') return found(credential.value, request)
    return guarded(credential.value, request, countedAs ?? credential.value.client_id)
  }

  function found(credential: Credential, request: HttpRequest): Awaitable<Result<Authenticated>> {
    const client = clients.find(credential.client_id)
    return client instanceof Promise
      ? client.then(client => verify(client, credential, request))
      : verify(client, credential, request)
  }

  /** Counts failures, and refuses where there were too many. */
  function guarded(
    credential: Credential,
    request: HttpRequest,
    name: string,
  ): Awaitable<Result<Authenticated>> {
    const from = rest.networkOf(request)
    const held = failures.refusal(name, from)
    if (held) return refuseHeld(held)
    const outcome = found(credential, request)
    return outcome instanceof Promise ? outcome.then(settle) : settle(outcome)

    async function refuseHeld({ by, refusal }: Held): Promise<Result<Authenticated>> {
      if (by === 'client' || !(await clients.find(credential.client_id))) return refusal
      return (await failures.wasSeen(name, from)) ? settle(await found(credential, request)) : refusal
    }

    function settle(outcome: Result<Authenticated>): Awaitable<Result<Authenticated>> {
      if (outcome.ok) failures.succeeded(name, from)
      else if (outcome.error === 'invalid_client' && !signedReasons.has(outcome.reason))
        return failures.failed(name, from).then(refusal => refusal ?? outcome)
      return outcome
    }
  }

  function verify(
    client: Client | undefined,
    credential: Credential,
    request: HttpRequest,
  ): Awaitable<Result<Authenticated>> {
    const method = client?.enabled ? methodOf(client, credential) : undefined
    if (client === undefined || method === undefined) {
      if (credential.kind === 'secret') secrets.check(credential.secret, [], '')
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
