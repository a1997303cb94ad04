/** What travels through the pages of a sign-out (OpenID Connect RP-Initiated Logout 1.0), sealed. */

import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../../model/keys.ts'
import type { Clock } from '../../runtime/ports.ts'
import { createSeals, type Seals } from './seal.ts'

/** A request to sign out as far as it holds (§2): what was sent and is not true is not in it. */
export type SignOutRequest = {
  readonly asked_at: Seconds
  /** The client that asks. */
  readonly client_id?: string
  /** Whose session it means, as its ID token says. */
  readonly hint?: { readonly sub: string; readonly sid?: string }
  /** Registered by the client. */
  readonly post_logout_redirect_uri?: string
  readonly state?: string
  /** The request named an address to return to that is not accepted. The signed-out page says so. */
  readonly return_refused?: true
  readonly ui_locales: readonly string[]
}

/** A session that has ended: what is left for its browser to do. */
export type SignedOut = {
  readonly asked_at: Seconds
  readonly ui_locales: readonly string[]
  /** The client that asked. */
  readonly client_id?: string
  /** Where the browser goes in the end. */
  readonly leads_to?: string
  readonly return_refused?: true
  /** Whether it goes there by itself. */
  readonly goes_on: boolean
  /** The CSRF token of the browser that goes there by itself, for a client that nobody vouched for; undefined: any browser does. */
  readonly browser?: string
  readonly ended?: {
    readonly sid: string
    /** The clients that took part, and are told in frames. */
    readonly clients: readonly string[]
  }
  /** Where the session that it came from, at another provider, is ended; the provider sends the browser back. */
  readonly upstream?: string
  /** The user confirmed it by a form of ours. */
  readonly by_form: boolean
}

export type SignOuts = { readonly requests: Seals<SignOutRequest>; readonly done: Seals<SignedOut> }

export const createSignOuts = (ports: { derived: DerivedKeys; clock: Clock }): SignOuts => ({
  requests: createSeals('sign-out-request', ports),
  done: createSeals('signed-out', ports),
})

/** The most characters of a sealed value in an address of the sign-out pages. */
export const maxSealedLength = 14_000

/** Returns the same request, except that the browser stays here afterwards. */
export const stayingHere = ({
  post_logout_redirect_uri: _,
  state: __,
  ...asked
}: SignOutRequest): SignOutRequest => ({ ...asked, return_refused: true })

/** `post_logout_redirect_uri` with the state (§2.1): a registered query is kept as it is. */
export function postLogoutUri(uri: string, state: string | undefined): string {
  if (state === undefined) return uri
  return `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams({ state })}`
}
