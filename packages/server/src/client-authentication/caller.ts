/** Who may ask about tokens (RFC 7662 §2.1): a confidential client, or an API by its name and a secret. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result } from '@tessera/protocol/result'
import { type Client, isPublic } from '../core/client.ts'
import type { ApiResource, Resources } from '../core/resource.ts'
import type { Awaitable, Clock, Random } from '../core/runtime.ts'
import type { AuthenticateClient } from './authenticate.ts'
import { secretQueueFull } from './client-secret.ts'
import { readCredential } from './credential.ts'
import type { ClientFailures } from './failures.ts'
import { type Credential, refuseClient } from './method.ts'
import { createSecrets, type VerifyArgon2id } from './secrets.ts'

export type Caller =
  | { readonly kind: 'api'; readonly api: ApiResource }
  | { readonly kind: 'client'; readonly client: Client }

export type AuthenticateCaller = (request: HttpRequest, parameters: Parameters) => Awaitable<Result<Caller>>

export type CallerAuthenticationPorts = {
  readonly authenticate: AuthenticateClient
  readonly resources: Pick<Resources, 'apis'>
  readonly failures: ClientFailures
  readonly networkOf: (request: HttpRequest) => string
  readonly clock: Clock
  readonly random: Random
  readonly verifyArgon2id: VerifyArgon2id
  readonly compatibility?: 'none' | 'identityserver4'
}

/** Refuses what client authentication refuses, and `invalid_client` for a public client: it proves nothing. */
export function createCallerAuthentication({
  authenticate,
  resources,
  compatibility,
  ...ports
}: CallerAuthenticationPorts): AuthenticateCaller {
  const secrets = createSecrets(ports)
  const lenient = compatibility === 'identityserver4'

  return async (request, parameters): Promise<Result<Caller>> => {
    const credential = readCredential(request, parameters, lenient)
    if (!credential.ok) return credential
    const { client_id: name } = credential.value
    const { api, secret } = findApi(credential.value, resources)
    if (api && secret !== undefined) {
      const from = ports.networkOf(request)
      const held = ports.failures.refusal(api.name, from)
      if (held && (held.by === 'client' || !(await ports.failures.wasSeen(api.name, from))))
        return held.refusal
      const check = await secrets.check(secret, api.api_secrets, from)
      if (check === 'fits') {
        ports.failures.succeeded(api.name, from)
        return ok({ kind: 'api', api })
      }
      if (check === 'busy') return secretQueueFull
    }
    // A guess that fails for the API and for a client is counted once, for the API.
    const authenticated = await authenticate(request, parameters, api?.name)
    if (!authenticated.ok)
      return api ? { ...authenticated, log: { ...authenticated.log, api: name } } : authenticated
    const { client } = authenticated.value
    return isPublic(client)
      ? refuseClient('public_client_introspects', { client_id: client.client_id })
      : ok({ kind: 'client', client })
  }
}

/**
 * An API's name is often a URN, and many HTTP clients send it in Basic as it is: then the first colon does not end it.
 * A name that is form-encoded, as it should be (RFC 6749 §2.3.1), is found first.
 */
function findApi(
  credential: Credential,
  { apis }: Pick<Resources, 'apis'>,
): { readonly api?: ApiResource; readonly secret?: string } {
  if (credential.kind !== 'secret') return { api: apis.get(credential.client_id) }
  const { client_id, secret, method } = credential
  const api = apis.get(client_id)
  if (api || method !== 'client_secret_basic') return { api, secret }
  const pair = `${client_id}:${secret}`
  const name = [...apis.keys()].find(known => known.includes(':') && pair.startsWith(`${known}:`))
  return name === undefined ? {} : { api: apis.get(name), secret: pair.slice(name.length + 1) }
}
