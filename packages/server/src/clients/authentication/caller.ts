/**
 * Authenticates callers of introspection (RFC 7662 §2.1): a confidential client, or an API with its name and secret.
 */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Refusal, type Result } from '@tessera/protocol/result'
import { type Client, isPublic } from '../../model/client.ts'
import type { ApiResource, Resources } from '../../model/resource.ts'
import type { MatchArgon2id } from '../../runtime/argon2id.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Awaitable, Clock, Random } from '../../runtime/ports.ts'
import type { AuthenticateClient } from './authenticate.ts'
import { secretQueueFull } from './client-secret.ts'
import { readCredential } from './credential.ts'
import type { ClientFailures } from './failed-attempts.ts'
import { type Credential, maxCallerIdLength, refuseClient, type SecretReading, withColons } from './method.ts'
import { createSecrets } from './secrets.ts'
import type { WarnUnencodedBasic } from './unencoded-basic.ts'

export type Caller =
  | { readonly kind: 'api'; readonly api: ApiResource }
  | { readonly kind: 'client'; readonly client: Client }

export type AuthenticateCaller = (request: HttpRequest, parameters: Parameters) => Awaitable<Result<Caller>>

type CallerAuthenticationPorts = {
  readonly authenticate: AuthenticateClient
  readonly resources: Pick<Resources, 'apis'>
  readonly failures: ClientFailures
  readonly clock: Clock
  readonly random: Random
  readonly matchArgon2id: MatchArgon2id
  readonly warnUnencodedBasic: WarnUnencodedBasic
  readonly compatibility?: 'none' | 'identityserver4'
}

/**
 * Creates caller authentication. Refuses what client authentication refuses, and `invalid_client` for a public client,
 * which can't authenticate.
 */
export function createCallerAuthentication({
  authenticate,
  resources,
  compatibility,
  ...ports
}: CallerAuthenticationPorts): AuthenticateCaller {
  const secrets = createSecrets(ports)
  const byName = new Map(
    [...resources.apis.values()].flatMap(api =>
      [api.name, api.introspection_client_id ?? api.name].map(name => [name, api] as const),
    ),
  )
  const namesWithColon = [...byName.keys()].filter(name => name.includes(':'))
  const lenient = compatibility === 'identityserver4'

  return async (request, parameters): Promise<Result<Caller>> => {
    const credential = readCredential(request, parameters, lenient, maxCallerIdLength)
    if (!credential.ok) return credential
    const candidates = findApis(credential.value)
    const from = networkOf(request)
    let blocked: Refusal | undefined
    for (const candidate of candidates) {
      const outcome = await checkApi(candidate, request, from)
      if (outcome?.ok || outcome?.error === 'temporarily_unavailable') return outcome
      // An API's name may be a prefix of another's. Failures of one must not block the other.
      blocked ??= outcome
    }
    // Count a wrong secret for every name that it may belong to, so that ambiguous headers don't allow more guesses.
    const apis = candidates.map(({ api }) => api.name)
    const authenticated = await authenticate(request, parameters, { credential: credential.value, apis })
    if (!authenticated.ok) {
      const [api] = apis
      return (
        blocked ??
        (api !== undefined ? { ...authenticated, log: { ...authenticated.log, api } } : authenticated)
      )
    }
    const { client } = authenticated.value
    return isPublic(client)
      ? refuseClient('public_client_introspects', { client_id: client.client_id })
      : ok({ kind: 'client', client })
  }

  /** Checks the secret of an API. Returns undefined if it is wrong; refuses without a check after too many failures. */
  async function checkApi(
    { api, readings }: Candidate,
    request: HttpRequest,
    from: string,
  ): Promise<Result<Caller> | undefined> {
    const blocked = ports.failures.refusal(api.name, from)
    if (blocked && (blocked.by === 'client' || !(await ports.failures.wasSeen(api.name, from))))
      return blocked.refusal
    const forms = readings.map(({ secret }) => secret)
    const { check, form = 0 } = await secrets.checkForms(forms, api.api_secrets, from)
    if (check === 'busy') return secretQueueFull
    if (check !== 'fits') return undefined
    ports.failures.succeeded(api.name, from)
    if (readings[form]?.isUnencoded) ports.warnUnencodedBasic(api.name, request)
    return ok({ kind: 'api', api })
  }

  /** Returns the APIs that the credential may belong to, each with its readings. */
  function findApis(credential: Credential): readonly Candidate[] {
    const readings = credential.kind === 'secret' ? withColons(credential, namesWithColon) : []
    const names = new Set([credential.client_id, ...readings.map(({ client_id }) => client_id)])
    const candidates = new Map<ApiResource, SecretReading[]>()
    for (const name of names) {
      const api = byName.get(name)
      if (!api) continue
      const own = readings.filter(({ client_id }) => client_id === name)
      candidates.set(api, [...(candidates.get(api) ?? []), ...own])
    }
    return [...candidates]
      .map(([api, readings]) => ({ api, readings }))
      .filter(({ readings }) => readings.length > 0)
  }
}

type Candidate = { readonly api: ApiResource; readonly readings: readonly SecretReading[] }
