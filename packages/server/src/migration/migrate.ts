/** Turns the files of another server into a configuration, users and a report. */

import type { Seconds } from '@tessera/protocol/brand'
import { createDraft, type Draft } from './draft.ts'
import { finished, repair } from './repair.ts'
import { groupByEntry, type Line, type Report } from './report.ts'
import { type Dialect, openSource, type Source } from './source.ts'
import type { MigratedUser } from './user.ts'

export type Importer = {
  readonly dialect?: Dialect
  /** The files are modules, which are executed, or data. Omitted: only data. */
  readonly acceptsModules?: boolean
  /** Makes YAML of a text that the other server's tool accepts. Omitted: the files are YAML. */
  readonly prepareYaml?: (text: string) => string
  /** Writes what the sources contain to the draft. Each source is the root of a file. */
  readonly read: (sources: readonly Source[], draft: Draft, at: Seconds) => void
}

export type SourceFile = {
  readonly name: string
  readonly value: unknown
}

export type Migration = {
  /** A valid configuration, if its variables are set. */
  readonly configuration: Readonly<Record<string, unknown>>
  /** Users for the store. */
  readonly users: readonly MigratedUser[]
  /** Variables that have to contain secrets. */
  readonly variables: readonly string[]
  readonly lines: readonly Line[]
}

/** @param at the current time, which decides whether a user is still locked out. */
export function migrate(importer: Importer, files: readonly SourceFile[], at: Seconds): Migration {
  const report: Report = { lines: [] }
  const roots = files.map(({ name, value }) => openSource(name, value, report, importer.dialect))
  const draft = createDraft()
  importer.read(roots, draft, at)
  for (const root of roots) root.reportUnread()
  const { configuration } = draft
  const hasUsers = configuration.stored_users !== undefined
  // Without this key, the server stores no users.
  if (hasUsers) configuration.accounts ??= {}
  repair(draft, report)
  return {
    configuration: finished(configuration),
    users: (configuration.stored_users ?? []) as readonly MigratedUser[],
    variables: variablesIn(configuration, draft.variables),
    lines: groupByEntry(report.lines),
  }
}

/** Leaves out the variables of entries that were removed. */
function variablesIn(configuration: unknown, variables: ReadonlySet<string>): readonly string[] {
  const text = JSON.stringify(configuration)
  return [...variables].filter(name => text.includes(JSON.stringify({ env: name })))
}
