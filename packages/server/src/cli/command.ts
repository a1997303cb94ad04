/** Options and exit codes of commands. */

import type { SecurityProfile } from '../configuration/profiles/names.ts'

/** 0: success; 1: an invalid configuration or a failed operation; 2: wrong usage. */
export type ExitCode = 0 | 1 | 2

export type ServeFlags = {
  readonly config: string
  readonly port?: string
  readonly host?: string
  readonly workers?: string
}
export type SessionFlags = {
  readonly config: string
  readonly tenant?: string
  readonly user?: string
  readonly sid?: string
}
export type UserFlags = { readonly config: string; readonly tenant?: string; readonly user: string }
export type IssuerFlags = { readonly config: string; readonly tenant?: string }
/** Names one thing to block, unless that is a client. */
export type BlockFlags = IssuerFlags & { readonly redirectHost?: string; readonly sealed?: boolean }
export type NamedUserFlags = IssuerFlags & { readonly user: string }
export type DeleteUserFlags = NamedUserFlags & { readonly dryRun?: boolean }
export type SetUserFlags = NamedUserFlags & {
  /** With the JSON of the record. Omitted: standard input. */
  readonly file?: string
  readonly dryRun?: boolean
  /** NaN: not a number. */
  readonly ifVersion?: number
}
export type ExportUserFlags = IssuerFlags & { readonly output?: string }
export type FindUserFlags = IssuerFlags & { readonly json?: boolean }
export type CheckFlags = {
  /** Whether to check the entries of the store too. */
  readonly store?: boolean
  /** Compares the configuration with this profile. */
  readonly profile?: SecurityProfile
  /** Whether to list the requirements that are met. */
  readonly verbose?: boolean
  /** Whether to print an object for each requirement of the profile, and nothing else. */
  readonly json?: boolean
}
export type PlanFlags = { readonly json?: boolean }
export type TestMailFlags = IssuerFlags & { readonly to: string }
export type SetPasswordFlags = NamedUserFlags & { readonly passwordHash?: boolean }
export type RenameUserFlags = NamedUserFlags & { readonly username: string }
export type MembershipFlags = NamedUserFlags & {
  readonly group?: readonly string[]
  readonly role?: readonly string[]
  /** Removes all of them. */
  readonly none?: boolean
}
export type AddUserFlags = IssuerFlags & {
  readonly username: string
  readonly sub?: string
  readonly email?: string
  readonly emailVerified?: boolean
  readonly inTenant?: string
  /** JSON. */
  readonly claims?: string
  readonly group?: readonly string[]
  readonly role?: readonly string[]
  /** Standard input contains a hash of another server. */
  readonly passwordHash?: boolean
  /** False: without a password. */
  readonly password?: boolean
  readonly dryRun?: boolean
}
export type KeyFlags = { readonly config: string; readonly tenant?: string; readonly now?: boolean }
export type ImportKeyFlags = IssuerFlags & {
  readonly use: string
  readonly kid?: string
  readonly alg?: string
  /** RFC 3339. */
  readonly until?: string
  /** The name of an environment variable. Default: the passphrase is read from standard input. */
  readonly passphraseEnv?: string
}
export type RemoveKeyFlags = IssuerFlags & { readonly force?: boolean }
export type RotateMasterFlags = { readonly config: string; readonly finish?: boolean }
export type TransferFlags = {
  readonly config: string
  /** Default: all kinds. */
  readonly kind?: readonly string[]
}
export type AuditVerifyFlags = {
  readonly config?: string
  readonly tenant?: string
  readonly key?: string
  readonly head?: readonly string[]
  readonly from?: string
  readonly to?: string
  /** The file is a part of a log. */
  readonly part?: boolean
}
export type AuditExportFlags = IssuerFlags & {
  readonly format: 'ndjson' | 'csv'
  readonly since?: string
  readonly until?: string
  readonly type?: readonly string[]
  readonly actor?: string
  readonly user?: string
}
export type AuditEraseFlags = IssuerFlags & { readonly user: string }
export type BackupFlags = { readonly config: string; readonly to: string }
/** `from` is an export, a store, or the name of another server. */
export type ImportFlags = {
  readonly config?: string
  readonly from: string
  readonly kind?: readonly string[]
  readonly report?: string
  readonly output?: string
  readonly apply?: boolean
  /** The tenant with its own issuer whose store gets the users. */
  readonly tenant?: string
}
export type DoctorFlags = {
  /** The issuer. */
  readonly url: string
  readonly config?: string
  /** The folder of backups. */
  readonly backups?: string
  readonly json?: boolean
}
/** `json`: print JSON. */
export type EntryFlags = IssuerFlags & { readonly json?: boolean }
export type ListEntryFlags = EntryFlags & {
  readonly filter?: string
  readonly origin?: 'file' | 'stored' | 'registered'
}
export type AddEntryFlags = EntryFlags & {
  /** With the JSON of the entry. Omitted: standard input. */
  readonly file?: string
  readonly dryRun?: boolean
  readonly generateSecret?: boolean
}
export type SetEntryFlags = AddEntryFlags & {
  /** NaN: not a number. */
  readonly ifVersion?: number
}
export type RemoveEntryFlags = EntryFlags & { readonly dryRun?: boolean; readonly ifVersion?: number }
export type RotateSecretFlags = EntryFlags & { readonly dryRun?: boolean; readonly overlap: string }
