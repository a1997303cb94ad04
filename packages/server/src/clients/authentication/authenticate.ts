/** Authenticates the client of a request by exactly one method (RFC 6749 §2.3, §3.2.1). */

import type { ClientAuthenticationMethod } from '@tessera/protocol/client-authentication'
import type { HttpRequest } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Refusal, type Result } from '@tessera/protocol/result'
import type { Confirmation } from '../../model/authorization.ts'
import type { Client, Clients } from '../../model/client.ts'
import type { ClientNeeds } from '../../model/entry.ts'
import type { MatchArgon2id } from '../../runtime/argon2id.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Awaitable, Random } from '../../runtime/ports.ts'
import { readCredential } from './credential.ts'
import type { Block, ClientFailures } from './failed-attempts.ts'
import {
  type AuthenticationMethod,
  type Credential,
  namesOf,
  refuseClient,
  type VerificationPorts,
  withColons,
} from './method.ts'
import { methods } from './methods.ts'
import { signedReasons } from './private-key-jwt.ts'
import { createSecrets } from './secrets.ts'

type Authenticated = {
  readonly client: Client
  readonly method: ClientAuthenticationMethod
  /** The client certificate that authenticated it (RFC 8705 §3.1). */
  readonly confirmation?: Confirmation
}

/**
 * @param given the credential, if it has already been read, and the APIs that it may belong to. Failures are also
 * counted for these APIs.
 */
export type AuthenticateClient = (
  request: HttpRequest,
  parameters: Parameters,
  given?: { readonly credential: Credential; readonly apis: readonly string[] },
) => Awaitable<Result<Authenticated>>

type ClientAuthenticationPorts = Omit<VerificationPorts, 'secrets'> & {
  readonly clients: Clients & { readonly needs: () => readonly ClientNeeds[] }
  readonly failures: ClientFailures
  readonly random: Random
  readonly matchArgon2id: MatchArgon2id
  readonly compatibility?: 'none' | 'identityserver4'
}

const byName = new Map<ClientAuthenticationMethod, AuthenticationMethod>(
  methods.map(method => [method.name, method]),
)

/**
 * Creates client authentication. Refuses `invalid_client` with the same description for every cause, or with a delay
 * after too many failures; `invalid_request` for two methods in a request; `temporarily_unavailable` if the credential
 * can't be checked now. Returns synchronously for public clients and SHA-256 secrets.
 */
export function createClientAuthentication({
  clients,
  compatibility,
  failures,
  random,
  matchArgon2id,
  ...rest
}: ClientAuthenticationPorts): AuthenticateClient {
  const secrets = createSecrets({ clock: rest.clock, random, matchArgon2id })
  const ports: VerificationPorts = { ...rest, secrets }
  const namesWithColon = [
    ...[...clients.all()].map(({ client_id }) => client_id).filter(name => name.includes(':')),
    ...clients.needs().flatMap(({ colon_id }) => colon_id ?? []),
  ]
  const expanded = (credential: Credential): Credential =>
    credential.kind === 'secret' && namesWithColon.length > 0
      ? { ...credential, readings: withColons(credential, namesWithColon) }
      : credential
  const lenient = compatibility === 'identityserver4'

  return (request, parameters, given) => {
    const read = given ? ok(given.credential) : readCredential(request, parameters, lenient)
    if (!read.ok) return read
    const credential = ok(expanded(read.value))
    // A certificate or a public client: there is no secret to guess.
    if (credential.value.kind === 'identity') return found(credential.value, request)
    const names = namesOf(credential.value)
    return guarded(credential.value, request, given ? [...new Set([...given.apis, ...names])] : names)
  }

  function found(credential: Credential, request: HttpRequest): Awaitable<Result<Authenticated>> {
    if (namesOf(credential).length > 1) return foundAny(credential, request)
    const client = clients.find(credential.client_id)
    return client instanceof Promise
      ? client.then(client => verify(client, credential, request))
      : verify(client, credential, request)
  }

  /** Checks each client that the header may name, with that client's own reading. */
  async function foundAny(credential: Credential, request: HttpRequest): Promise<Result<Authenticated>> {
    const known = await Promise.all(namesOf(credential).map(async name => clients.find(name)))
    const candidates = known.filter(client => client !== undefined)
    if (candidates.length === 0) return verify(undefined, credential, request)
    const refused: Refusal[] = []
    for (const client of candidates) {
      const outcome = await verify(client, credential, request)
      if (outcome.ok) return outcome
      refused.push(outcome)
    }
    // The credential might be valid for a client that could not be checked now.
    return refused.find(({ error }) => error !== 'invalid_client') ?? refused[0]!
  }

  /** Counts failures and refuses after too many. */
  function guarded(
    credential: Credential,
    request: HttpRequest,
    names: readonly string[],
  ): Awaitable<Result<Authenticated>> {
    const from = networkOf(request)
    const block = blockFor(names, from)
    if (block) return refuseBlocked(block)
    const outcome = found(credential, request)
    return outcome instanceof Promise ? outcome.then(settle) : settle(outcome)

    async function refuseBlocked({ by, refusal }: Block): Promise<Result<Authenticated>> {
      if (by === 'client') return refusal
      const known = await Promise.all(namesOf(credential).map(async name => clients.find(name)))
      if (known.every(client => client === undefined)) return refusal
      const seen = await Promise.all(names.map(name => failures.wasSeen(name, from)))
      return seen.includes(true) ? settle(await found(credential, request)) : refusal
    }

    function settle(outcome: Result<Authenticated>): Awaitable<Result<Authenticated>> {
      if (outcome.ok) failures.succeeded(nameOf(outcome.value.client, names), from)
      else if (outcome.error === 'invalid_client' && !signedReasons.has(outcome.reason))
        return failures.failed(names, from).then(refusal => refusal ?? outcome)
      return outcome
    }
  }

  /** Returns the refusal to apply. A client's own limit takes precedence over that of its network. */
  function blockFor(names: readonly string[], from: string): Block | undefined {
    const all = names.map(name => failures.refusal(name, from))
    return all.find(block => block?.by === 'client') ?? (all.includes(undefined) ? undefined : all[0])
  }

  function verify(
    client: Client | undefined,
    credential: Credential,
    request: HttpRequest,
  ): Awaitable<Result<Authenticated>> {
    const method = client?.enabled ? methodOf(client, credential) : undefined
    if (client === undefined || method === undefined) {
      if (credential.kind === 'secret')
        secrets.checkForms(
          credential.readings.map(({ secret }) => secret),
          [],
          '',
        )
      return refuseClient(reasonOf(client), {
        client_id: credential.client_id,
        ...(client?.enabled && methodsOf(client, credential)),
      })
    }
    const verified = method.verify(client, credential, request, ports)
    return verified instanceof Promise
      ? verified.then(outcome => authenticatedBy(client, method, outcome))
      : authenticatedBy(client, method, verified)
  }
}

/** Returns the name to count for: an API's failures count for its name, a client's for its id. */
const nameOf = ({ client_id }: Client, names: readonly string[]): string =>
  names.includes(client_id) ? client_id : (names[0] ?? client_id)

const reasonOf = (client: Client | undefined): string => {
  if (client === undefined) return 'client_unknown'
  return client.enabled ? 'client_authentication_method_not_registered' : 'client_disabled'
}

/** Returns the methods that the client may use and the one that it used, for the log. */
const methodsOf = ({ token_endpoint_auth_method }: Client, credential: Credential) => ({
  expected: token_endpoint_auth_method ?? 'client_secret_basic or client_secret_post',
  received: methodUsed(credential),
})

const methodUsed = (credential: Credential): string =>
  credential.kind === 'secret'
    ? credential.method
    : { assertion: 'private_key_jwt', identity: 'only a client_id' }[credential.kind]

/** Returns the method of the credential, or undefined if the client may not use it. */
function methodOf(
  { token_endpoint_auth_method: registered }: Client,
  credential: Credential,
): AuthenticationMethod | undefined {
  // RFC 7591 §2 defines Basic as the default, but existing clients rely on both.
  if (registered === undefined)
    return byName.get(credential.kind === 'secret' ? credential.method : 'client_secret_basic')
  if (credential.kind === 'secret' && registered !== 'none' && registered !== credential.method)
    return undefined
  return byName.get(registered)
}

function authenticatedBy(
  client: Client,
  { name: method }: AuthenticationMethod,
  outcome: Result<Confirmation | undefined>,
): Result<Authenticated> {
  if (!outcome.ok) return { ...outcome, log: { client_id: client.client_id, method, ...outcome.log } }
  return ok({ client, method, confirmation: outcome.value })
}
