/** An authorization request as it was validated (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1), or why it was refused. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Display } from '@tessera/protocol/display'
import type { Ignored } from '@tessera/protocol/parameters'
import type { CodeChallengeMethod } from '@tessera/protocol/pkce'
import type { ResponseType } from '@tessera/protocol/response-type'
import type { Ok, Refusal } from '@tessera/protocol/result'
import type { Authorization } from '../model/authorization.ts'
import type { Client } from '../model/client.ts'
import type { CheckedHint } from './id-token-hint.ts'
import type { Prompt } from './prompt.ts'
import type { ResponseMode } from './response-type.ts'

/** Where an answer may be sent: client and redirection URI are proven to belong together. */
export type ResponseTarget = {
  readonly client: Client
  readonly redirect_uri: string
  readonly response_mode: ResponseMode
  readonly state?: string
}

/** A user by the identifiers that a client was told; any of them will do. */
export type ExpectedUser = { readonly client: Client; readonly subs: readonly string[] }

export type ValidatedAuthorizationRequest = {
  readonly client: Client
  readonly target: ResponseTarget
  readonly response_type: ResponseType
  /** Sorted, without duplicates; every name is registered and allowed to the client. */
  readonly scope: readonly string[]
  /** What the user is to agree to: `scope`, and the scopes of claims that are asked for one by one. */
  readonly consent_scope: readonly string[]
  /** The APIs that the tokens are limited to (RFC 8707); empty: not limited. */
  readonly resources: readonly string[]
  readonly nonce?: string
  readonly code_challenge?: string
  readonly code_challenge_method?: CodeChallengeMethod
  readonly prompt: ReadonlySet<Prompt>
  readonly max_age?: Seconds
  /** What its `id_token_hint` says. */
  readonly hint?: CheckedHint
  /** Parameters, or parts of them, that have no effect. */
  readonly ignored: readonly Ignored[]
  /** Whom the client expects: the user must be one of each. */
  readonly expected_users: readonly ExpectedUser[]
  /** The user's claims that are asked for one by one (OpenID Connect Core 1.0 §5.5). */
  readonly requested_claims?: Authorization['requested_claims']
  readonly login_hint?: string
  readonly ui_locales: readonly string[]
  readonly display: Display
  /** Authentication context classes asked for, in order of preference; `essential`: one of them must be reached. */
  readonly requested_acr: { readonly values: readonly string[]; readonly essential: boolean }
  /** As sent, for credential authorities. */
  readonly acr_values?: string
  /** The tenant to sign in to; the client may name it. */
  readonly tenant?: string
  /** The identity provider to sign in with; the client may use it. */
  readonly idp?: string
}

/** A refusal; without `target` it must not leave this server: an error page answers it (RFC 6749 §4.1.2.1). */
export type AuthorizationRequestRefusal = Refusal & { readonly target?: ResponseTarget }

export type AuthorizationRequestResult = Ok<ValidatedAuthorizationRequest> | AuthorizationRequestRefusal
