/** The authorization that a signed-in user gives a client: the parent of its code, family and tokens. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Authorization, AuthorizationId, Session } from '../../model/authorization.ts'
import type { Client } from '../../model/client.ts'
import { newTimedId } from '../../model/handle.ts'
import type { Users } from '../../model/user.ts'
import type { Clock, Random } from '../../runtime/ports.ts'

export type AuthorizationGrant = {
  readonly client: Client
  readonly session: Session
  /** It does not fall with the session: a device goes on when the browser that connected it signs out. */
  readonly apart?: boolean
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  readonly requested_claims?: Authorization['requested_claims']
  /** When it ends unless a code is redeemed for it: the write that redeems extends it (see `Commit`). */
  readonly expires_at: Seconds
}

export type CreateAuthorization = (grant: AuthorizationGrant) => Promise<Authorization>

export const createAuthorizations =
  ({
    users,
    clock,
    random,
  }: {
    users: Pick<Users, 'find'>
    clock: Clock
    random: Random
  }): CreateAuthorization =>
  async ({ client, session, apart = false, scope, resources, requested_claims, expires_at }) => {
    const { sub, sid, idp, amr, acr, auth_time, claims } = session
    // The tenant claim comes from the user's record, never from the request.
    const tenant = (await users.find(sub))?.tenant
    return {
      id: newTimedId<AuthorizationId>(random),
      client_id: client.client_id,
      sub,
      ...(tenant !== undefined && { tenant }),
      ...(!apart && { sid }),
      scope,
      resources,
      idp,
      amr,
      ...(acr !== undefined && { acr }),
      auth_time,
      ...(claims && { claims }),
      ...(requested_claims && { requested_claims }),
      created_at: clock.now(),
      expires_at,
    }
  }
