/** The sealed state of the sign-out pages (OpenID Connect RP-Initiated Logout 1.0). */

import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../../model/keys.ts'
import type { Clock } from '../../runtime/ports.ts'
import { createSeals, type Seals } from './seal.ts'

/** A request to sign out (§2), without parameters that were invalid. */
export type SignOutRequest = {
  readonly asked_at: Seconds
  /** The client that sent the request. */
  readonly client_id?: string
  /** The session that the ID token names. */
  readonly hint?: { readonly sub: string; readonly sid?: string }
  /** Registered by the client. */
  readonly post_logout_redirect_uri?: string
  readonly state?: string
  /** Whether the request had an unregistered `post_logout_redirect_uri`. The signed-out page tells the user. */
  readonly return_refused?: true
  readonly ui_locales: readonly string[]
}

/** A session that has ended, and the remaining steps for its browser. */
export type SignedOut = {
  readonly asked_at: Seconds
  readonly ui_locales: readonly string[]
  /** The client that sent the request. */
  readonly client_id?: string
  /** The browser's final destination. */
  readonly leads_to?: string
  readonly return_refused?: true
  /** Whether the browser is redirected there without a click. */
  readonly goes_on: boolean
  /** For untrusted clients: the anti-forgery token of the only browser that is redirected without a click. */
  readonly browser?: string
  readonly ended?: {
    readonly sid: string
    /** The clients of the session that are notified in frames. */
    readonly clients: readonly string[]
  }
  /** The URL at which the session at the upstream provider is ended. The provider redirects the browser back. */
  readonly upstream?: string
  /** Whether the user confirmed it with one of our forms. */
  readonly by_form: boolean
}

export type SignOuts = { readonly requests: Seals<SignOutRequest>; readonly done: Seals<SignedOut> }

export const createSignOuts = (ports: { derived: DerivedKeys; clock: Clock }): SignOuts => ({
  requests: createSeals('sign-out-request', ports),
  done: createSeals('signed-out', ports),
})

/** The maximum number of characters of a sealed value in a URL of the sign-out pages. */
export const maxSealedLength = 14_000

/** Returns the same request, but without a redirect afterwards. */
export const stayingHere = ({
  post_logout_redirect_uri: _,
  state: __,
  ...asked
}: SignOutRequest): SignOutRequest => ({ ...asked, return_refused: true })

/** Returns `post_logout_redirect_uri` with the state (§2.1). A registered query is kept as it is. */
export function postLogoutUri(uri: string, state: string | undefined): string {
  if (state === undefined) return uri
  return `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams({ state })}`
}
