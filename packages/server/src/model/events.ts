/**
 * Events of an issuer, for callbacks of a module configuration and for webhooks. An event contains ids and names. It
 * contains no token, code, password or secret, and no claims of a user. docs/guides/events.md lists the members.
 */

import type { AuditDetails } from './audit-record.ts'
import type { NamedBlock } from './client-blocks.ts'
import type { EntryKind } from './entry.ts'
import type { Hook } from './hook.ts'
import type { FactorMethod } from './mfa.ts'
import type { Messages } from './ports/stores.ts'
import type { EndCause } from './session.ts'

/** The members of `data`, by type. */
export type EventData = {
  /** A user signed in at a browser, with every factor that was required. */
  readonly 'user.signed_in': {
    readonly sub: string
    /** The tenant of the sign-in, for tenants that share the server's issuer. */
    readonly tenant?: string
    readonly sid: string
    /** The provider, or `local`. */
    readonly idp: string
    readonly amr: readonly string[]
    readonly acr?: string
    /** The client that the user signs in to; omitted for account pages and devices. */
    readonly client_id?: string
    readonly request_id: string
  }
  /** A user was added: by sign-up, or by an operator. */
  readonly 'user.created': { readonly sub: string; readonly tenant?: string }
  readonly 'user.updated': {
    readonly sub: string
    readonly changed: readonly ('username' | 'email' | 'claims')[]
  }
  readonly 'user.password_changed': { readonly sub: string }
  readonly 'user.disabled': { readonly sub: string }
  readonly 'user.enabled': { readonly sub: string }
  /** Everything that was stored about the user was deleted. */
  readonly 'user.deleted': {
    readonly sub: string
    /** Who deleted them: the `sub` itself, `command_line`, `application`, or the `client_id` of a token of the API. */
    readonly actor: string
  }
  /** Everything that is stored about the user was exported. */
  readonly 'user.exported': {
    readonly sub: string
    /** Who exported it: `command_line`, `application`, or the `client_id` of a token of the API. */
    readonly actor: string
  }
  /** An operator ended the user's sessions and revoked every authorization and token. */
  readonly 'user.access_revoked': { readonly sub: string }
  /** An operator revoked everything that was issued to the client. */
  readonly 'client.access_revoked': { readonly client_id: string }
  /** An operator blocked clients: one by its `client_id`, those that redirect to a host, or all sealed ids. */
  readonly 'client.blocked': {
    /** `client_id`, `redirect_host` or `sealed_client_ids`. */
    readonly kind: NamedBlock['kind']
    /** The `client_id`, or the host or scheme. Omitted for all sealed ids. */
    readonly id?: string
    /** Who changed it: `command_line`, `application`, or the `client_id` of a token of the API. */
    readonly actor: string
  }
  /** An operator ended such a block. */
  readonly 'client.unblocked': {
    /** `client_id`, `redirect_host` or `sealed_client_ids`. */
    readonly kind: NamedBlock['kind']
    /** The `client_id`, or the host or scheme. Omitted for all sealed ids. */
    readonly id?: string
    /** Who changed it: `command_line`, `application`, or the `client_id` of a token of the API. */
    readonly actor: string
  }
  /** An operator revoked everything that was issued to users of a tenant; without `tenant`, everything of the issuer. */
  readonly 'tenant.access_revoked': { readonly tenant?: string }
  readonly 'user.factor_added': { readonly sub: string; readonly method: FactorMethod }
  readonly 'user.factor_removed': { readonly sub: string; readonly method: FactorMethod }
  /** An operator removed all second factors of the user. */
  readonly 'user.factors_reset': { readonly sub: string; readonly factors: number }
  readonly 'user.identity_linked': { readonly sub: string; readonly provider: string }
  readonly 'user.identity_unlinked': { readonly sub: string; readonly provider: string }
  readonly 'session.ended': {
    readonly sub: string
    readonly sid: string
    readonly cause: EndCause
    /** The clients that took part in it. */
    readonly clients: readonly string[]
  }
  /** The token endpoint issued tokens, or the authorization endpoint did (`grant_type` is `implicit`). */
  readonly 'token.issued': {
    readonly client_id: string
    readonly grant_type: string
    readonly scope: readonly string[]
    /** Omitted for tokens of the client itself. */
    readonly sub?: string
    readonly authorization_id?: string
    readonly request_id: string
  }
  /** The token endpoint refused a request. */
  readonly 'token.refused': {
    /** As given in the request; it may be wrong. */
    readonly client_id?: string
    /** The error of the response. */
    readonly error: string
    /** See docs/reasons.md. */
    readonly reason: string
    readonly request_id: string
  }
  /** A client revoked a token (RFC 7009). */
  readonly 'token.revoked': {
    readonly client_id: string
    readonly kind: 'refresh_token' | 'reference_token' | 'jwt'
    /** The authorization that was revoked with a refresh token. */
    readonly authorization_id?: string
    /** Of an access token. */
    readonly jti?: string
    /** The user of the token. Omitted for tokens of the client itself. */
    readonly sub?: string
    readonly request_id: string
  }
  /** A code or refresh token was used again, so all tokens of its authorization were revoked. */
  readonly 'authorization.revoked': {
    readonly authorization_id: string
    readonly client_id: string
    readonly sub: string
    /** See docs/reasons.md. */
    readonly reason: string
    readonly request_id: string
  }
  readonly 'consent.given': {
    readonly sub: string
    readonly client_id: string
    /** The scopes that the user agreed to in this request. */
    readonly scope: readonly string[]
    readonly request_id: string
  }
  readonly 'consent.withdrawn': {
    readonly sub: string
    readonly client_id: string
    readonly request_id: string
  }
  /** An entry of the configuration was made while the server runs: a client, for example. */
  readonly 'entry.created': {
    /** The list of the configuration that it belongs to. */
    readonly kind: EntryKind
    /** The `client_id` or the `name`. */
    readonly id: string
    readonly version: number
    /** Who changed it: `command_line`, or the `client_id` or `sub` of a token of the API. */
    readonly actor: string
  }
  readonly 'entry.updated': {
    /** The list of the configuration that it belongs to. */
    readonly kind: EntryKind
    /** The `client_id` or the `name`. */
    readonly id: string
    readonly version: number
    /** Who changed it: `command_line`, or the `client_id` or `sub` of a token of the API. */
    readonly actor: string
    /** The names of the keys that changed. */
    readonly changed: readonly string[]
  }
  readonly 'entry.deleted': {
    /** The list of the configuration that it belongs to. */
    readonly kind: EntryKind
    /** The `client_id` or the `name`. */
    readonly id: string
    readonly version: number
    /** Who changed it: `command_line`, or the `client_id` or `sub` of a token of the API. */
    readonly actor: string
  }
  /** A new signing key was added, which replaces an earlier one of its algorithm. */
  readonly 'key.rotated': {
    readonly kid: string
    readonly alg: string
    /** Seconds since 1970. */
    readonly active_from: number
  }
  /** A replaced signing key is no longer published. */
  readonly 'key.removed': { readonly kid: string }
}

export type EventType = keyof EventData

const known: Readonly<Record<EventType, true>> = {
  'user.signed_in': true,
  'user.created': true,
  'user.updated': true,
  'user.password_changed': true,
  'user.disabled': true,
  'user.enabled': true,
  'user.deleted': true,
  'user.exported': true,
  'user.access_revoked': true,
  'client.access_revoked': true,
  'client.blocked': true,
  'client.unblocked': true,
  'tenant.access_revoked': true,
  'user.factor_added': true,
  'user.factor_removed': true,
  'user.factors_reset': true,
  'user.identity_linked': true,
  'user.identity_unlinked': true,
  'session.ended': true,
  'token.issued': true,
  'token.refused': true,
  'token.revoked': true,
  'authorization.revoked': true,
  'consent.given': true,
  'consent.withdrawn': true,
  'entry.created': true,
  'entry.updated': true,
  'entry.deleted': true,
  'key.rotated': true,
  'key.removed': true,
}

export const eventTypes = Object.keys(known) as readonly EventType[]

/** Returns whether strangers can cause events of this type. They get a share of each limit, so that they don't displace others. */
export const isByStrangers = (type: EventType): boolean => type === 'token.refused'

/** An event of one type: the payload that Standard Webhooks 1.0 recommends, and its origin. */
export type EventOf<Type extends EventType> = {
  /** The same in every attempt to send it. */
  readonly id: string
  readonly type: Type
  /** When it happened, in ISO 8601. */
  readonly timestamp: string
  readonly issuer: string
  /** The tenant that the issuer belongs to. */
  readonly tenant?: string
  readonly data: EventData[Type]
}

export type Event = { readonly [Type in EventType]: EventOf<Type> }[EventType]

/** Callbacks by type; `*` receives every event. Their return values are ignored. */
export type EventCallbacks = {
  readonly [Type in EventType]?: Hook<EventOf<Type>, unknown>
} & { readonly '*'?: Hook<Event, unknown> }

/** An event that has not been written yet. */
export type PreparedEvent = {
  /** The messages to store in the same write. Undefined if no webhook subscribes to the type, and it is not audited. */
  readonly messages?: Messages | undefined
  /** Calls the callbacks and sends the stored messages. Call it after the write, unless the write changed nothing. */
  readonly happened: () => void
}

export type Events = {
  /** @param details for the audit log alone. */
  readonly prepare: <Type extends EventType>(
    type: Type,
    data: EventData[Type],
    details?: AuditDetails,
  ) => PreparedEvent
  /**
   * Reports an event that has already happened. Messages are stored in the background, so a crash at this moment loses
   * them.
   */
  readonly emit: <Type extends EventType>(type: Type, data: EventData[Type]) => void
}
