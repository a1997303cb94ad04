/** The source of a configuration's entries: the file in which they are written, and how others are added to them. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../../model/client.ts'
import type { EntryKind } from '../../model/entry.ts'
import type { SecurityProfile } from '../../model/security-profile.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { ProfileFinding } from '../profiles/finding.ts'
import type { NoteSecret, Path, SecretReader } from '../validation/schema.ts'

/** An entry that fits its schema. */
export type ReadEntry = {
  readonly kind: EntryKind
  readonly id: string
  /** As written, without defaults. */
  readonly raw: JsonObject
  /** With defaults, and with the text of its secrets. */
  readonly value: unknown
}

export type EntryReading =
  | { readonly ok: true; readonly read: ReadEntry }
  /** The paths begin at the entry. */
  | { readonly ok: false; readonly errors: readonly Diagnostic[] }

/** An error, and the entry that it is about; without one, it is about an entry of the file. */
export type EntryError = {
  readonly entry?: ReadEntry
  /** Its path begins at the entry. */
  readonly diagnostic: Diagnostic
}

/** @typeParam Configured the configuration, which contains its source. */
export type EntrySource<Configured> = {
  /** Returns the entries of the file, as written, by id. */
  readonly written: (kind: EntryKind) => ReadonlyMap<string, JsonObject>
  /**
   * Reads an entry with the schema of the file.
   * @param note is called for each secret.
   */
  readonly read: (kind: EntryKind, raw: JsonObject, secrets: SecretReader, note?: NoteSecret) => EntryReading
  /** Returns the places of the secrets of an entry, whether or not they can be read. */
  readonly secretPaths: (kind: EntryKind, raw: unknown) => readonly Path[]
  /** Returns the errors of a configuration with these entries, which are not clients. */
  readonly errorsOf: (added: readonly ReadEntry[]) => readonly EntryError[]
  /** Returns the errors of a client beside these entries. Their paths begin at the client. */
  readonly clientErrors: (client: ReadEntry, added: readonly ReadEntry[]) => readonly Diagnostic[]
  /**
   * Returns what is allowed in these entries, but probably unintended.
   * @param now seconds since 1970.
   */
  readonly warningsOf: (added: readonly ReadEntry[], now: number) => readonly EntryError[]
  /**
   * Compares the file, with these entries, with a security profile.
   * @returns what is missing. Paths into entries of the store begin with `stored`.
   */
  readonly profileFindings: (
    profile: SecurityProfile,
    added: readonly ReadEntry[],
  ) => readonly ProfileFinding[]
  /**
   * Returns the configuration with these entries, without those that have errors.
   * @param base the configuration that this belongs to.
   */
  readonly extend: (base: Configured, added: readonly ReadEntry[]) => Extension<Configured>
}

type Extension<Configured> = {
  readonly configuration: Configured
  readonly parseClient: ParseStoredClient
  readonly errors: readonly EntryError[]
}

/** Parses a client of the store. */
export type ParseStoredClient = (
  reading: EntryReading,
) =>
  | { readonly ok: true; readonly client: Client }
  | { readonly ok: false; readonly errors: readonly Diagnostic[] }
