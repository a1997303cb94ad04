/** The one write of a token request. Ports, one for each noun. */

import type { Seconds } from '@tessera/protocol/brand'
import type { TokenHash } from '../../runtime/ports.ts'
import type {
  Authorization,
  AuthorizationId,
  FamilyId,
  ReferenceToken,
  RefreshFamily,
} from '../authorization.ts'
import type { UsedAssertion } from './authorizations.ts'

/** One atomic write: the credential is marked used *and* what was issued is stored, or neither. */
export type Commit = {
  readonly at: Seconds
  /** Must stand. */
  readonly client_id: string
  /** Must stand, unless it was never configured here (an external user). */
  readonly sub?: string
  /** Of a stored user who proved themself for this: must be theirs still. */
  readonly epoch?: number
  /** An authorization that exists, is not revoked, and lives at least until the given time afterwards. */
  readonly authorization?: { readonly id: AuthorizationId; readonly until: Seconds }
  readonly use?: Use
  readonly issue?: {
    readonly authorization?: Authorization
    readonly family?: RefreshFamily
    readonly referenceToken?: ReferenceToken
  }
}

/** What a token request uses up. */
export type Use =
  | { readonly kind: 'authorization_code'; readonly hash: TokenHash }
  | { readonly kind: 'device_code'; readonly hash: TokenHash }
  /** Compare-and-set of the family's generation n → n+1; requires that it still is n. */
  | {
      readonly kind: 'refresh_rotation'
      readonly family: FamilyId
      readonly generation: number
      readonly idleExpiresAt: Seconds
    }
  /** An idempotent retry: requires that the family's generation is this (n+1) and came to be at or after `since`. */
  | {
      readonly kind: 'refresh_retry'
      readonly family: FamilyId
      readonly generation: number
      readonly since: Seconds
    }
  /** `refresh_token_usage: "reuse"`: requires that the generation still is this, and may slide the end. */
  | {
      readonly kind: 'refresh_reuse'
      readonly family: FamilyId
      readonly generation: number
      readonly idleExpiresAt: Seconds
    }
  | ({ readonly kind: 'assertion' } & UsedAssertion)

/** `already_used`: the credential was used before or at the same time; `revoked`: client or user is disabled, or the authorization is revoked or has expired. Nothing was written then. */
export type CommitOutcome = 'committed' | 'already_used' | 'revoked'
