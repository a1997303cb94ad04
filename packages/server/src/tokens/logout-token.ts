/** Logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4). */

import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../model/client.ts'
import { newId } from '../model/handle.ts'
import type { KeyRing } from '../model/keys.ts'
import type { Clock, Random } from '../runtime/ports.ts'
import { signJwt } from './jwt.ts'
import type { SubjectIdentifiers } from './subject-identifier.ts'

/** The ended session. */
type LogoutTokenContent = { readonly client: Client; readonly sub: string; readonly sid: string }

export type LogoutTokens = { readonly make: (content: LogoutTokenContent) => string | Promise<string> }

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'

/** Seconds; §4 recommends at most two minutes. */
const lifetime = 120

export const createLogoutTokens = ({
  issuer,
  keys,
  subjects,
  clock,
  random,
}: {
  issuer: string
  keys: KeyRing
  subjects: SubjectIdentifiers
  clock: Clock
  random: Random
}): LogoutTokens => ({
  make({ client, sub, sid }) {
    const now = clock.now()
    const claims: JsonObject = {
      iss: issuer,
      sub: subjects.subjectFor(client, sub),
      aud: client.client_id,
      iat: now,
      exp: now + lifetime,
      jti: newId(random),
      events: { [logoutEvent]: {} },
      sid: subjects.sessionIdFor(client, sid),
    }
    // §2.6: signed like ID tokens of the client. Its type prevents its use as an ID token (§2.4).
    return signJwt(keys.signing(client.id_token_signed_response_alg), 'logout+jwt', claims)
  },
})
