/**
 * What travels through the login and consent pages: the request that waits for the user, sealed by a MAC so that the
 * browser can carry it but not change it. It proves nothing about who carries it: sign-in and consent that it tells of
 * are bound to the session (`sid`) that gave them.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../core/keys.ts'
import type { Clock } from '../core/runtime.ts'
import type { AccountPath } from './paths.ts'

/** How far the user has come. */
export type Progress = {
  /** When the request came. */
  readonly asked_at: Seconds
  /** Hash of the session's handle that the browser had then; null: none; absent: not looked at yet. */
  readonly prior_handle?: string | null
  /** The identity provider that the user chose on the login page. */
  readonly idp?: string
  /** The name that the user gave on the login page, for that provider. */
  readonly login_hint?: string
  /** The session whose user a page asks to agree. */
  readonly asking_sid?: string
  /** The session whose user agreed. */
  readonly consented_sid?: string
  /** The user refused: `login` on the login page, `consent` on the consent page. */
  readonly refused?: 'login' | 'consent'
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
  | (Progress & { readonly kind: 'account'; readonly to: AccountPath; readonly tenant?: string })

export type Continuations = {
  /** Text for a URL or a form field: base64url(JSON) `.` base64url(HMAC-SHA256). */
  readonly seal: (continuation: Continuation) => string
  /** Undefined for text that is not ours, was changed, or is older than an hour. */
  readonly open: (text: string | undefined) => Continuation | undefined
}

/** The most characters of an authorization request's parameters: sealed, they must fit in a URL. */
export const maxParametersLength = 8000

/** Limits for reading a sealed continuation with `parseParameters`. */
export const continuationLimits = { continue: [14_000, 'invalid_request'] } as const

const lifetime: Seconds = 3600
const version = 'v1'

export function createContinuations({
  derived,
  clock,
}: {
  derived: DerivedKeys
  clock: Clock
}): Continuations {
  const key = derived.derive('interaction')
  const mac = (payload: string): Buffer => createHmac('sha256', key).update(`${version}.${payload}`).digest()

  return {
    seal(continuation) {
      const payload = Buffer.from(JSON.stringify(continuation)).toString('base64url')
      return `${payload}.${mac(payload).toString('base64url')}`
    },
    open(text) {
      const [payload, sealed, ...rest] = text?.split('.') ?? []
      if (!payload || !sealed || rest.length > 0) return undefined
      const expected = Buffer.from(mac(payload).toString('base64url'))
      // Compared as text: base64url has several spellings of the same bytes, and only ours is taken.
      const given = Buffer.from(sealed)
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
      const continuation = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Continuation
      return continuation.asked_at + lifetime > clock.now() ? continuation : undefined
    },
  }
}
