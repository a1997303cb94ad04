/**
 * Passes the pending request through the login and consent pages, sealed so that the browser can neither read nor
 * change it. It does not identify the browser that sends it: a sign-in or consent in it is bound to the session (`sid`)
 * in which it was given.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { CheckedHint } from '../../authorization-request/id-token-hint.ts'
import type { LongRequests, StoredRequest } from '../../authorization-request/long-request.ts'
import { type Pushed, pushedRestartLifetime } from '../../authorization-request/pushed-request.ts'
import type { DerivedKeys } from '../../model/keys.ts'
import type { RequestedAcr } from '../../model/mfa.ts'
import type { Clock } from '../../runtime/ports.ts'
import { packRequests } from './packed-request.ts'
import type { AccountPath } from './page-paths.ts'
import { createSeals, type Seals } from './seal.ts'

/** How far the user has progressed. */
export type Progress = {
  /** When the request was received. */
  readonly asked_at: Seconds
  /** The pushed request that it originates from. Issuing a response redeems that request. */
  readonly pushed?: Pushed
  /** When its signed request object was read, which may have a short lifetime. */
  readonly signed_since?: Seconds
  /**
   * Its parameters come from several parties. They are not compressed, because their compressed length could reveal a
   * secret.
   */
  readonly mixed?: true
  /** Where its parameters are stored, if they are too long for a URL. */
  readonly stored?: StoredRequest
  /**
   * An earlier page expired. `sign_in`: it expired before the user signed in, so they must sign in even if someone is
   * signed in now.
   */
  readonly restarted?: 'sign_in' | 'elsewhere'
  /** The hash of the browser's session handle at that time; null: it had none; absent: not checked yet. */
  readonly prior_handle?: string | null
  /** The checked `id_token_hint`; the hint itself can be too long for a URL. */
  readonly hint?: CheckedHint
  /** The identity provider that the user chose on the login page. */
  readonly idp?: string
  /** The user name that was entered on the login page, for that provider. */
  readonly login_hint?: string
  /** The user chose to stay signed in. */
  readonly keep?: true
  /** The session in which the user chose to continue with the current account. */
  readonly selected_sid?: string
  /** The user chose to sign in with another account. */
  readonly another?: true
  /** The session of the user that a page asks. */
  readonly asking_sid?: string
  /** The version of a self-registered client that the page shows. */
  readonly asking_version?: number
  /** The session in which the user consented, and the scopes. */
  readonly consented_sid?: string
  readonly consented_scope?: readonly string[]
  /** The session that the second factor steps up; absent: a pending sign-in. */
  readonly stepping_sid?: string
  /**
   * A form was posted earlier in this chain of redirects, so a redirect to a provider would count as part of its
   * submission.
   */
  readonly by_form?: true
  /** The user refused: `login` on the login page, `consent` on the consent page. */
  readonly refused?: 'login' | 'consent'
  /** The anti-forgery token of the browser in which the user refused, because the URL can be sent to others. */
  readonly refused_by?: string
}

export type Continuation =
  /** `parameters`: the authorization request, form-encoded. */
  | (Progress & { readonly kind: 'authorization'; readonly parameters: string })
  | (Progress & {
      readonly kind: 'device'
      /** As the device shows it, for comparison (RFC 8628 §5.4). */
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

export type Continuations = {
  /** Returns text for a URL or a form field. */
  readonly seal: (continuation: Continuation) => string
  /**
   * Resolves to undefined for text that this server did not create, that was changed, or that is older than an hour.
   */
  readonly open: (text: string | undefined) => Promise<Continuation | undefined>
  /** Resolves to the known content of text of any age; undefined for text that this server did not create. */
  readonly inspect: (text: string | undefined) => Promise<Inspection | undefined>
}

type Inspection = {
  /** The client of an authorization request, if it is known. */
  readonly client_id?: string
  /** The same request from the start, without the progress on its pages. Undefined if it can't be restarted. */
  readonly restarted?: Continuation
}

/** Limits for reading a sealed continuation with `parseParameters`. */
export const continuationLimits = { continue: [14_000, 'invalid_request'] } as const

type ContinuationPorts = {
  readonly derived: DerivedKeys
  readonly clock: Clock
  readonly longRequests: Pick<LongRequests, 'find'>
}

export function createContinuations({ derived, clock, longRequests }: ContinuationPorts): Continuations {
  const seals: Seals<Continuation> = createSeals('interaction', {
    derived,
    clock,
    packing: packRequests<Continuation>(),
  })

  /** Adds the parameters, if they are stored. */
  async function complete(continuation: Continuation): Promise<Continuation | undefined> {
    if (continuation.kind !== 'authorization' || !continuation.stored) return continuation
    const parameters = await longRequests.find(continuation.stored)
    return parameters === undefined ? undefined : { ...continuation, parameters }
  }

  return {
    seal: continuation =>
      seals.seal(
        continuation.kind === 'authorization' && continuation.stored
          ? { ...continuation, parameters: '' }
          : continuation,
      ),
    async open(text) {
      const continuation = seals.open(text)
      return continuation && complete(continuation)
    },
    async inspect(text) {
      const continuation = seals.openAnyAge(text)
      if (!continuation) return undefined
      const completed = await complete(continuation)
      const client_id = clientOf(continuation, completed)
      const restarted = completed && restartOf(completed, clock.now())
      return { client_id, restarted }
    },
  }
}

function clientOf(continuation: Continuation, completed: Continuation | undefined): string | undefined {
  if (continuation.kind !== 'authorization') return undefined
  const parameters = completed?.kind === 'authorization' ? completed.parameters : ''
  return continuation.stored?.client_id ?? new URLSearchParams(parameters).get('client_id') ?? undefined
}

function restartOf(continuation: Continuation, now: Seconds): Continuation | undefined {
  const asked_at = now
  switch (continuation.kind) {
    case 'device':
      return { kind: 'device', user_code: continuation.user_code, asked_at }
    case 'account': {
      const { kind, to, tenant, requested_acr } = continuation
      return {
        kind,
        to,
        asked_at,
        tenant,
        requested_acr,
      }
    }
    case 'authorization': {
      const { kind, parameters, pushed, signed_since, mixed, stored, hint } = continuation
      const since = pushed?.since ?? signed_since
      // After that, the record that a pushed request was used may have been deleted.
      if (since !== undefined && since + pushedRestartLifetime <= now) return undefined
      return {
        kind,
        parameters,
        asked_at,
        pushed,
        signed_since,
        mixed,
        stored,
        hint,
      }
    }
  }
}
