/** Creates authorizations, the parents of codes, refresh families and tokens. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Authorization, AuthorizationId, Session } from '../model/authorization.ts'
import type { Client, Clients } from '../model/client.ts'
import { newTimedId } from '../model/handle.ts'
import type { CheckedSubject, Users } from '../model/user.ts'
import type { Clock, Random } from '../runtime/ports.ts'

type AuthorizationGrant = {
  readonly client: Client
  readonly session: Session
  /** Whether it outlives the session: a device stays connected after the user signs out in the browser. */
  readonly apart?: boolean
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  readonly requested_claims?: Authorization['requested_claims']
  /** The expiry if the code is not redeemed. Redeeming extends it in the same write (see `Commit`). */
  readonly expires_at: Seconds
}

/** Creates the authorization that a signed-in user grants to a client. */
export type CreateAuthorization = (grant: AuthorizationGrant) => Promise<Authorization>

type AuthorizationPorts = {
  readonly users: Pick<Users, 'find'>
  readonly clock: Clock
  readonly random: Random
}

export const createAuthorizations =
  ({ users, clock, random }: AuthorizationPorts): CreateAuthorization =>
  async ({ client, session, apart = false, scope, resources, requested_claims, expires_at }) => {
    const { sub, sid, idp, amr, acr, auth_time, signed_in_at, claims, tenant: sign_in_tenant } = session
    // Take the tenant from the user's record, never from the request.
    const tenant = (await users.find(sub))?.tenant
    return {
      id: newTimedId<AuthorizationId>(random),
      client_id: client.client_id,
      sub,
      tenant,
      sign_in_tenant: tenant === undefined ? sign_in_tenant : undefined,
      sid: apart ? undefined : sid,
      scope,
      resources,
      idp,
      amr,
      acr,
      auth_time,
      signed_in_at,
      claims,
      requested_claims,
      created_at: clock.now(),
      expires_at,
    }
  }

/** Returns the authorization of a grant without a session, such as `password`. */
export function authorizationOf(
  // Only the commit uses them; they must not be stored.
  { epoch: _, ending: __, ...subject }: CheckedSubject & Pick<Authorization, 'sid' | 'sign_in_tenant'>,
  rest: Pick<Authorization, 'id' | 'client_id' | 'scope' | 'resources' | 'created_at' | 'expires_at'>,
): Authorization {
  return { ...subject, ...rest }
}

/** Returns whether the subject equals a client_id, because an API could confuse the two (RFC 9700 §4.15). */
export const isClientId = async (find: Clients['find'], sub: string): Promise<boolean> =>
  (await find(sub, 'at_hand')) !== undefined
