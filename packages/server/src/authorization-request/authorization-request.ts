/** A validated authorization request (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1), or its refusal. */

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

/** Where a response may be sent. The redirection URI is proven to belong to the client. */
export type ResponseTarget = {
  readonly client: Client
  readonly redirect_uri: string
  readonly response_mode: ResponseMode
  readonly state?: string
}

/** A user, given by identifiers that the client knows. One match is sufficient. */
export type ExpectedUser = { readonly client: Client; readonly subs: readonly string[] }

export type ValidatedAuthorizationRequest = {
  readonly client: Client
  readonly target: ResponseTarget
  readonly response_type: ResponseType
  /** Sorted and unique. Every scope exists and is allowed for the client. */
  readonly scope: readonly string[]
  /** The scopes that the user is asked to agree to: `scope`, and the scopes of claims that were requested individually. */
  readonly consent_scope: readonly string[]
  /** The APIs that the tokens are limited to (RFC 8707); empty if they are not limited. */
  readonly resources: readonly string[]
  readonly nonce?: string
  readonly code_challenge?: string
  readonly code_challenge_method?: CodeChallengeMethod
  /** The thumbprint of the key that the code is bound to (RFC 9449 §10). */
  readonly dpop_jkt?: string
  readonly prompt: ReadonlySet<Prompt>
  readonly max_age?: Seconds
  /** The content of `id_token_hint`. */
  readonly hint?: CheckedHint
  /** Parts of the request that have no effect. */
  readonly ignored: readonly Ignored[]
  /** The users that the client expects. The user must match each entry. */
  readonly expected_users: readonly ExpectedUser[]
  /** Claims that were requested individually (OpenID Connect Core 1.0 §5.5). */
  readonly requested_claims?: Authorization['requested_claims']
  readonly login_hint?: string
  readonly ui_locales: readonly string[]
  readonly display: Display
  /** Requested authentication context classes, in order of preference. If `essential`, one of them is required. */
  readonly requested_acr: { readonly values: readonly string[]; readonly essential: boolean }
  /** As sent, for credential authorities. */
  readonly acr_values?: string
  /** The tenant to sign in to; allowed for the client. */
  readonly tenant?: string
  /** The identity provider to sign in with; allowed for the client. */
  readonly idp?: string
}

/** A refusal. Without `target` it is shown on an error page and never sent to the client (RFC 6749 §4.1.2.1). */
export type AuthorizationRequestRefusal = Refusal & { readonly target?: ResponseTarget }

export type AuthorizationRequestResult = Ok<ValidatedAuthorizationRequest> | AuthorizationRequestRefusal
