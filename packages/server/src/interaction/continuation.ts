/**
 * Carries the pending request through the login and consent pages, sealed so that the browser can neither read nor change
 * it. It proves nothing about the browser that sends it: a sign-in or consent that it contains is bound to the session
 * (`sid`) that gave it.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Pushed } from '../authorization-request/pushed-request.ts'
import type { DerivedKeys } from '../core/keys.ts'
import type { RequestedAcr } from '../core/mfa.ts'
import type { Clock } from '../core/runtime.ts'
import type { AccountPath } from './paths.ts'
import { createSeals, type Seals } from './seal.ts'

/** How far the user has come. */
export type Progress = {
  /** When the request came. */
  readonly asked_at: Seconds
  /** The pushed request that it came from: what is issued uses that up. */
  readonly pushed?: Pushed
  /** Hash of the session's handle that the browser had then; null: none; absent: not looked at yet. */
  readonly prior_handle?: string | null
  /** The identity provider that the user chose on the login page. */
  readonly idp?: string
  /** The name that the user gave on the login page, for that provider. */
  readonly login_hint?: string
  /** The user wishes to stay signed in. */
  readonly keep?: true
  /** The session whose user chose to go on as who they are. */
  readonly selected_sid?: string
  /** The user chose to sign in with another account. */
  readonly another?: true
  /** The session whose user a page asks. */
  readonly asking_sid?: string
  /** The version of a client that registered itself, as the page shows it. */
  readonly asking_version?: number
  /** The session whose user agreed, and to which scopes. */
  readonly consented_sid?: string
  readonly consented_scope?: readonly string[]
  /** The session that the second factor's page is to raise; absent: a sign-in that is pending. */
  readonly stepping_sid?: string
  /** A form was posted on the way here, so a redirect to a provider would count as part of that form's submission. */
  readonly by_form?: true
  /** The user refused: `login` on the login page, `consent` on the consent page. */
  readonly refused?: 'login' | 'consent'
  /** The CSRF token of the browser in which the user refused: the address that tells of it can be sent to others. */
  readonly refused_by?: string
}

export type Continuation =
  /** `parameters`: the authorization request, form-encoded. */
  | (Progress & { readonly kind: 'authorization'; readonly parameters: string })
  | (Progress & {
      readonly kind: 'device'
      /** As it is shown, for comparison (RFC 8628 §5.4). */
      readonly user_code: string
      readonly outcome?: 'approved' | 'denied' | 'gone'
    })
  /** An account page that only a signed-in user sees. */
  | (Progress & {
      readonly kind: 'account'
      readonly to: AccountPath
      readonly tenant?: string
      readonly requested_acr?: RequestedAcr
    })

export type Continuations = Seals<Continuation>

/** The most characters of an authorization request's parameters: sealed, they must fit in a URL. */
export const maxParametersLength = 8000

/** Limits for reading a sealed continuation with `parseParameters`. */
export const continuationLimits = { continue: [14_000, 'invalid_request'] } as const

export const createContinuations = (ports: { derived: DerivedKeys; clock: Clock }): Continuations =>
  createSeals('interaction', ports)
