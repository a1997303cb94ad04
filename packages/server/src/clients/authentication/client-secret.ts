/** `client_secret_basic` and `client_secret_post`: a shared secret in the header or in the body (RFC 6749 §2.3.1). */

import type { HttpRequest } from '@tessera/protocol/http'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Client } from '../../model/client.ts'
import { maskedSecret } from '../../model/masked.ts'
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
  if (credential.kind !== 'secret') {
    return refuseClient('client_secret_missing', {
      expected: client.token_endpoint_auth_method ?? 'client_secret_basic or client_secret_post',
      received: credential.kind === 'assertion' ? 'private_key_jwt' : 'only a client_id',
    })
  }
  const readings = credential.readings.filter(({ client_id }) => client_id === client.client_id)
  const forms = readings.map(({ secret }) => secret)
  const checked = secrets.checkForms(forms, client.client_secrets, networkOf(request))
  return checked instanceof Promise ? checked.then(outcomeOf) : outcomeOf(checked)

  function outcomeOf({ check, form = 0 }: CheckedForms): Result<undefined> {
    if (check === 'fits' && readings[form]?.isUnencoded) warnUnencodedBasic(client.client_id, request)
    if (check !== 'wrong') return outcomes[check]
    const { length } = client.client_secrets
    return refuseClient('client_secret_wrong', {
      expected: length === 1 ? 'the only secret of the client' : `one of ${length} secrets of the client`,
      received: maskedSecret(forms[0] ?? ''),
    })
  }
}

/** The HTTP edge sends 503 with `Retry-After`. */
export const secretQueueFull = refuse('temporarily_unavailable', 'client_secret_queue_full', {
  description: 'too many secrets are being checked; try again later',
})

const outcomes = {
  fits: ok(undefined),
  expired: refuseClient('client_secret_expired'),
  busy: secretQueueFull,
} as const satisfies Record<Exclude<SecretCheck, 'wrong'>, Result<undefined>>
