/** The types of audit records that are no events, and which records are made. */

import type { AuditDetails, AuditSettings } from './audit-record.ts'
import type { EventType } from './events.ts'
import type { WebhookMessage } from './webhook.ts'

/** The members of `data`, by type, of records that are no events. */
export type AuditData = {
  /** A client of the admin API requested a change. Stored before the change, which has its own record. */
  readonly 'admin.requested': {
    /** The `operationId` of the OpenAPI document. */
    readonly operation: string
    /** The `sub` of the path. */
    readonly sub?: string
    /** The `sid` of the path, a session of the user. */
    readonly sid?: string
    /** The other values of the path. */
    readonly path?: Readonly<Record<string, string>>
  }
  /** A command that can change something was started. Stored before the change, which has its own record. */
  readonly 'command.started': {
    readonly command: string
    /** The names of its options. Their values can be secrets. */
    readonly options: readonly string[]
  }
  /** The server started with this configuration. */
  readonly 'configuration.started': {
    /** The same for the same configuration, with its secrets. Made with a key, so that it reveals nothing. */
    readonly digest: string
    /** Whether anything else is recorded from now on. */
    readonly audit: boolean
  }
  /** A changed configuration was applied. */
  readonly 'configuration.applied': {
    readonly digest: string
    readonly audit: boolean
    readonly changes: readonly {
      readonly subject: string
      readonly change: string
      readonly keys: readonly string[]
    }[]
    /** How many users differ. Each has its own record. */
    readonly users: number
  }
  /** A configuration was applied in which this user was added, removed or changed. */
  readonly 'configuration.user_changed': {
    readonly sub: string
    readonly change: string
    /** The keys of the user that differ. */
    readonly keys: readonly string[]
  }
  /** A person's sign-in was refused. */
  readonly 'user.sign_in_failed': {
    /** Omitted if no user has the name. What was typed is not recorded: it may be a password. */
    readonly sub?: string
    readonly idp?: string
    readonly client_id?: string
    /** See docs/reasons.md. */
    readonly reason: string
  }
  /** A client registered itself. */
  readonly 'client.registered': SelfRegistration
  /** A client replaced its registration. */
  readonly 'client.registration_updated': SelfRegistration
  /** A client removed its registration. */
  readonly 'client.registration_removed': SelfRegistration
  /** A user got new recovery codes, which replace earlier ones. */
  readonly 'user.recovery_codes_replaced': { readonly sub: string }
  /** A signing key of another server was imported: to verify its tokens, or also to sign. */
  readonly 'key.imported': { readonly kid: string; readonly alg: string; readonly use: 'sign' | 'verify' }
  /** Records of this type were left out, because strangers or this user caused too many. */
  readonly 'audit.omitted': { readonly type: string; readonly count: number; readonly sub?: string }
  /** A waiting record could not be opened: it was changed, or its key is retired. */
  readonly 'audit.unreadable': { readonly event_id: string }
  /** The personal members of these records were erased: numbers, and ranges such as 3-7. */
  readonly 'audit.erased': { readonly records: string; readonly count: number }
  /** The records up to this number were removed, because they were older than `audit.retention`. */
  readonly 'audit.pruned': {
    readonly through: number
    /** The hash of the last removed record. */
    readonly hash: string
  }
}

type SelfRegistration = {
  readonly client_id: string
  /** The credential of the registration. */
  readonly vouched_by: string
}

export type AuditType = keyof AuditData

const ofTokens: ReadonlySet<string> = new Set<EventType>(['token.issued', 'token.refused', 'token.revoked'])

/** Returns whether a record of this type is made. */
export const isAudited = ({ enabled, tokens }: AuditSettings, type: EventType | AuditType): boolean =>
  enabled && (tokens || !ofTokens.has(type))

const ofStrangers: ReadonlySet<string> = new Set<EventType | AuditType>([
  'token.refused',
  'user.sign_in_failed',
  'client.registered',
  'client.registration_updated',
  'client.registration_removed',
])

/** Records that anybody can cause, as often as they like. */
export const isAuditedByStrangers = (type: EventType | AuditType): boolean => ofStrangers.has(type)

const ofUsersAtClients: ReadonlySet<string> = new Set<EventType>(['token.revoked', 'authorization.revoked'])

/** Records that a user can cause at a client, as often as they sign in: each sign-in has a code and tokens to replay. */
export const isAuditedByUsersAtClients = (type: EventType | AuditType): boolean => ofUsersAtClients.has(type)

/** Records what is no event in the audit log, in the background. */
export type NoteAudit = <Type extends AuditType>(type: Type, data: AuditData[Type]) => void

/** Makes the audit records of events. */
export type AuditMessages = {
  readonly takes: (type: EventType | AuditType) => boolean
  /** Returns the records to store; none if strangers, or the user, have caused too many. */
  readonly messagesOf: (
    type: EventType | AuditType,
    data: object,
    details?: AuditDetails,
  ) => readonly WebhookMessage[]
}
