/** The one write of a token request. */

import type { Seconds } from '@tessera/protocol/brand'
import type { TokenHash } from '../../runtime/ports.ts'
import type {
  Authorization,
  AuthorizationId,
  Confirmation,
  FamilyId,
  ReferenceToken,
  RefreshFamily,
} from '../authorization.ts'
import type { WebhookMessage } from '../webhook.ts'
import type { UsedAssertion } from './authorizations.ts'

/** One atomic write: the credential is marked used *and* what was issued is stored, or neither. */
export type Commit = {
  readonly at: Seconds
  /** Must be enabled. One whose id is a URL need not be stored, because its metadata is at that URL. */
  readonly client_id: string
  /**
   * Must be enabled, unless the user was never known here (an external user). A user who is no longer in the file is
   * enabled if a stored user has the `sub`, and that one is enabled.
   */
  readonly sub?: string
  /**
   * Whether the user was just found elsewhere: in the operator's store, or as one of a provider. Then that they were once
   * in the file, or were a stored user who was deleted, does not disable them.
   */
  readonly external?: boolean
  /** The epoch at which a stored user signed in. Must be the user's current one. */
  readonly epoch?: number
  /** Must exist and must not be revoked. Its expiry is extended to `until`. */
  readonly authorization?: { readonly id: AuthorizationId; readonly until: Seconds }
  /**
   * The one-time id of the proof that the request contains (RFC 9449 §11.1). A commit whose requirements are met uses it
   * up, also if its credential was already used.
   */
  readonly proof?: UsedAssertion | undefined
  readonly use?: Use
  readonly issue?: {
    readonly authorization?: Authorization
    readonly family?: RefreshFamily
    readonly referenceToken?: ReferenceToken
  }
  /** Stored if it is committed. */
  readonly messages?: readonly WebhookMessage[] | undefined
}

/** The credential that a token request consumes. */
export type Use =
  | { readonly kind: 'authorization_code'; readonly hash: TokenHash }
  | { readonly kind: 'device_code'; readonly hash: TokenHash }
  /** Compare-and-set of the family's generation n → n+1; requires that it is n. */
  | {
      readonly kind: 'refresh_rotation'
      readonly family: FamilyId
      readonly generation: number
      /** Binds a family that was not bound to a key so far (RFC 9449 §5). */
      readonly cnf?: Confirmation | undefined
      readonly idleExpiresAt: Seconds
    }
  /** An idempotent retry: requires that the family's generation is this (n+1), since `since` or later. */
  | {
      readonly kind: 'refresh_retry'
      readonly family: FamilyId
      readonly generation: number
      readonly since: Seconds
    }
  /** `refresh_token_usage: "reuse"`: requires this generation, and may extend the idle lifetime. */
  | {
      readonly kind: 'refresh_reuse'
      readonly family: FamilyId
      readonly generation: number
      readonly idleExpiresAt: Seconds
    }
  | ({ readonly kind: 'assertion' } & UsedAssertion)

/**
 * `already_used`: the credential was used before or at the same time; `revoked`: client or user is disabled, or the
 * authorization is revoked or has expired; `proof_replayed`: the proof was used before. Nothing else was written then.
 */
export type CommitOutcome = 'committed' | 'already_used' | 'revoked' | 'proof_replayed'
