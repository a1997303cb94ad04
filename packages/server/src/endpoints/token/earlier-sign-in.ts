/** Reads an earlier sign-in: its user, and whether its tokens may be refreshed. */

import type { Authorization } from '../../model/authorization.ts'
import type { Client } from '../../model/client.ts'
import type { RefreshChoice, TokenSubject } from './decision.ts'

/** Returns the user of an authorization and how they signed in. */
export const subjectOf = ({
  sub,
  tenant,
  sid,
  idp,
  amr,
  acr,
  auth_time,
  claims,
}: Authorization): TokenSubject => ({
  sub,
  tenant,
  sid,
  idp,
  amr,
  acr,
  auth_time,
  claims,
})

/** Returns a new refresh family if the user granted `offline_access` and the client may still refresh. */
export const refreshOf = ({ scope }: Authorization, { grant_types }: Client): RefreshChoice | undefined =>
  scope.includes('offline_access') && grant_types.has('refresh_token') ? { kind: 'new', scope } : undefined
