/** `client_secret_basic` and `client_secret_post`: a shared secret in the header or in the body (RFC 6749 §2.3.1). */

import type { HttpRequest } from '@tessera/protocol/http'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Client } from '../../model/client.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Awaitable } from '../../runtime/ports.ts'
import { type AuthenticationMethod, type Credential, refuseClient, type VerificationPorts } from './method.ts'
import type { CheckedForms, SecretCheck } from './secrets.ts'

export const clientSecretBasic: AuthenticationMethod = { name: 'client_secret_basic', verify: verifySecret }
export const clientSecretPost: AuthenticationMethod = { name: 'client_secret_post', verify: verifySecret }

function verifySecret(
  client: Client,
  credential: Credential,
  request: HttpRequest,
  { secrets, warnUnencodedBasic }: VerificationPorts,
): Awaitable<Result<undefined>> {
  if (credential.kind !== 'secret') return refuseClient('client_secret_missing')
  const readings = credential.readings.filter(({ client_id }) => client_id === client.client_id)
  const forms = readings.map(({ secret }) => secret)
  const checked = secrets.checkForms(forms, client.client_secrets, networkOf(request))
  return checked instanceof Promise ? checked.then(outcomeOf) : outcomeOf(checked)

  function outcomeOf({ check, form = 0 }: CheckedForms): Result<undefined> {
    if (check === 'fits' && readings[form]?.isUnencoded) warnUnencodedBasic(client.client_id, request)
    return outcomes[check]
  }
}

/** The HTTP edge sends 503 with `Retry-After`. */
export const secretQueueFull = refuse('temporarily_unavailable', 'client_secret_queue_full')

const outcomes = {
  fits: ok(undefined),
  wrong: refuseClient('client_secret_wrong'),
  expired: refuseClient('client_secret_expired'),
  busy: secretQueueFull,
} as const satisfies Record<SecretCheck, Result<undefined>>
