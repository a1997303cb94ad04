/** What export, import and move see of a store: its tables, row by row. The ports between stores of different kinds. */

/** `bytes`: base64url in a file. */
export type ColumnKind = 'text' | 'integer' | 'bytes'
export type Table = {
  readonly name: string
  readonly columns: Readonly<Record<string, ColumnKind>>
}

/** In the order of the table's columns. */
export type ArchivedRow = readonly (string | number | Uint8Array | null)[]

/** Whether rows were added, were there already, or stay out because another row has their key or their name. */
export type Added = { readonly added: number; readonly same: number; readonly other: number }

/** One issuer's store to read from. Everything that is read is of one moment, while servers may go on writing. */
export type ArchiveSource = {
  readonly tables: () => Promise<readonly Table[]>
  readonly count: (table: string) => Promise<number>
  /** In the order in which they were added. */
  readonly read: (table: Table) => AsyncIterable<readonly ArchivedRow[]>
  readonly setting: (name: string) => Promise<string | undefined>
  readonly close: () => Promise<void>
}

/** One issuer's store to write to; each write is durable when it is fulfilled. */
export type ArchiveTarget = {
  readonly tables: () => Promise<readonly Table[]>
  /** Whether any of these tables has a row. */
  readonly holdsAny: (tables: readonly string[]) => Promise<boolean>
  readonly empty: (tables: readonly string[]) => Promise<void>
  /** A row that is there stays as it is. Rejects for a column that the table does not have. */
  readonly add: (table: Table, rows: readonly ArchivedRow[]) => Promise<Added>
  readonly setting: (name: string) => Promise<string | undefined>
  /** Undefined removes it. */
  readonly set: (name: string, value: string | undefined) => Promise<void>
  readonly close: () => Promise<void>
}

/** The stores of all issuers; undefined is the server's own. */
export type ArchiveHouse = {
  /** The tenants that have a store. */
  readonly tenants: () => Promise<readonly string[]>
  /** Rejects where there is none. */
  readonly source: (tenant?: string) => Promise<ArchiveSource>
  /** Made where there is none. */
  readonly target: (tenant?: string) => Promise<ArchiveTarget>
  readonly close: () => Promise<void>
}

/**
 * The nouns, and the tables that each lies in, in the order in which they are filled: a row that others hang on comes
 * first. Every table of a store belongs to one noun.
 */
export const archivedNouns = {
  settings: ['settings'],
  keys: ['keys'],
  registered_clients: ['registered_clients', 'registered_origins'],
  stored_users: ['stored_users'],
  totp_secrets: ['totp_secrets'],
  recovery_codes: ['recovery_codes'],
  passkeys: ['passkeys'],
  identity_links: ['identity_links'],
  consents: ['consents'],
  authorizations: ['authorizations'],
  codes: ['codes'],
  devices: ['devices'],
  families: ['families'],
  reference_tokens: ['reference_tokens'],
  revoked_tokens: ['revoked_tokens'],
  replays: ['replays'],
  pushed_requests: ['pushed_requests'],
  sessions: ['sessions', 'session_clients'],
  pending_sign_ins: ['pending_sign_ins'],
  upstream_sessions: ['upstream_sessions'],
  upstream_requests: ['upstream_requests'],
  logout_notices: ['logout_notices'],
  waiting_mails: ['waiting_mails'],
  attempts: ['attempts'],
  standing: ['standing'],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type ArchivedNoun = keyof typeof archivedNouns

export const isArchivedNoun = (name: string): name is ArchivedNoun => Object.hasOwn(archivedNouns, name)

/**
 * What may be added to a store that servers use: rows that stand by themselves. Everything else is spent, ended or
 * revoked in time, partly by deleting it, so that adding it later could make it live again.
 */
export const addableNouns: ReadonlySet<ArchivedNoun> = new Set([
  'registered_clients',
  'stored_users',
  'totp_secrets',
  'passkeys',
  'identity_links',
])

/** Nouns of which nothing is sealed or made with the master key, so that any installation can read them. */
export const unsealedNouns: ReadonlySet<ArchivedNoun> = new Set([
  'registered_clients',
  'stored_users',
  'passkeys',
  'identity_links',
  'consents',
])

/** What every store makes for itself at its first start; no sign that it was used. */
export const ownNouns: ReadonlySet<ArchivedNoun> = new Set(['settings', 'keys', 'standing'])

/** The setting that stands while an import goes on: no server starts on half of one. */
export const importBegun = 'import_begun'
