/** Every table of a store. A new one is declared in the file of its group. */

import { auditTables } from './audit.ts'
import { authorizationTables } from './authorizations.ts'
import { entryTables } from './entries.ts'
import { federationTables } from './federation.ts'
import { installationTables } from './installation.ts'
import { sessionTables } from './sessions.ts'
import type { Table } from './table.ts'
import { userTables } from './users.ts'
import { webhookTables } from './webhooks.ts'

export const tables = {
  ...installationTables,
  ...entryTables,
  ...userTables,
  ...federationTables,
  ...sessionTables,
  ...authorizationTables,
  ...webhookTables,
  ...auditTables,
}

export type TableName = keyof typeof tables
export type RowOf<Name extends TableName> = [(typeof tables)[Name]] extends [
  Table<infer Row, infer _Key, infer _Noun>,
]
  ? Row
  : never
export type KeyOf<Name extends TableName> = (typeof tables)[Name]['key']

/** Any table, where the type of its rows does not matter. */
// biome-ignore lint/suspicious/noExplicitAny: no row type is common to all
export type AnyTable = Table<any>

export const allTables: readonly (readonly [TableName, AnyTable])[] = Object.entries(tables) as never

/** The tables with rows that are deleted whenever the access of their user ends. */
export const cascadingTables: readonly (readonly [TableName, AnyTable])[] = allTables.filter(
  ([, table]) => table.cascade === 'access',
)
