/** Secrets of entries: hashed or sealed when they are stored, and hidden when they are shown. */

import { createHash, createHmac } from 'node:crypto'
import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Configuration } from '../configuration/configuration.ts'
import { valueAt } from '../configuration/diagnostic.ts'
import type { Path, SecretReader } from '../configuration/validation/schema.ts'
import type { EntryKind } from '../model/entry.ts'
import type { DerivedKeys, Sealing } from '../model/keys.ts'
import { InvalidStoredValue } from '../runtime/ports.ts'

export type EntrySecrets = {
  /** Reads the secrets of a stored entry. A damaged one is an error of the entry. Throws for one of a newer root key. */
  readonly opener: (kind: EntryKind, id: string) => SecretReader
  /**
   * Reads the secrets of an entry that someone sends. A hidden secret is the one that the previous entry contains, and is
   * not kept beside another address: whoever may change an entry must not learn its secrets.
   */
  readonly receiver: (given: JsonObject, place: EntryPlace) => SecretReader
  /** Returns the entry as it is stored. */
  readonly protect: (entry: JsonObject, secrets: readonly NotedSecret[], place: EntryPlace) => JsonObject
  /** Returns the entry as it is shown. */
  readonly hide: (kind: EntryKind, id: string, entry: JsonObject) => JsonObject
}

export type NotedSecret = { readonly path: Path; readonly text: string }

type EntryPlace = {
  readonly kind: EntryKind
  readonly id: string
  /** The stored entry that it replaces. */
  readonly previous: JsonObject | undefined
}

type SecretsPorts = {
  readonly derived: DerivedKeys
  readonly sealing: Sealing
  readonly secretPaths: Configuration['entries']['secretPaths']
}

/** Keys whose value is a hash. */
const hashes: ReadonlySet<PropertyKey> = new Set(['sha256', 'sha512', 'argon2id'])

export function createEntrySecrets({ derived, sealing, secretPaths }: SecretsPorts): EntrySecrets {
  // Keyed, and bound to its entry: otherwise a guess that is stored in one client could be compared with another's secret.
  const fingerprint = (kind: EntryKind, id: string, value: unknown): string =>
    createHmac('sha256', derived.derive('entry-fingerprints'))
      .update(JSON.stringify([kind, id, value]))
      .digest('base64url')
      .slice(0, 16)

  const nameOf = (kind: EntryKind, id: string, path: Path): string => JSON.stringify([kind, id, ...path])

  /** Returns an error for a damaged secret: it must not stop a server that has other entries. */
  const open = (kind: EntryKind, id: string, path: Path, value: unknown): ReturnType<SecretReader> => {
    if (typeof value === 'string') return { ok: true, text: value }
    const { sealed: text } = value as { readonly sealed?: unknown }
    if (typeof text !== 'string') return unopened('it is no text')
    const bytes = Buffer.from(text, 'base64url')
    try {
      return { ok: true, text: sealing.open(bytes, nameOf(kind, id, path)) }
    } catch (error) {
      // This node reads the newer key soon.
      if (!(error instanceof InvalidStoredValue) || sealing.isOfNewerKey(bytes)) throw error
      return unopened(error.fields.problem)
    }
  }

  // Hashes too. The same text is sealed differently each time, so a guess that is written into an entry, or checked by a
  // dry run, is not shown like the secret that it replaces.
  const sealed = (text: string, kind: EntryKind, id: string, path: Path): JsonObject => ({
    sealed: Buffer.from(sealing.seal(text, nameOf(kind, id, path))).toString('base64url'),
  })

  return {
    opener: (kind, id) => (written, path) =>
      typeof written === 'string' || 'sealed' in written ? open(kind, id, path, written) : refused,
    receiver: (given, { kind, id, previous }) => {
      const kept = new Map(
        (previous === undefined ? [] : secretPaths(kind, previous)).map(path => {
          const value = valueAt(previous, path)
          return [
            fingerprint(kind, id, value),
            {
              last: path.at(-1),
              address: addressOf(previous, path),
              read: () => open(kind, id, path, value),
            },
          ] as const
        }),
      )
      return (written, path) => {
        // The older form of { "env": NAME }.
        if (typeof written === 'string')
          return written.startsWith('env:') ? refused : { ok: true, text: written }
        if (!('hidden' in written)) return refused
        const secret = kept.get(written.hidden)
        // A hash can't become the secret itself.
        const isMoved = secret?.last !== path.at(-1) && hashes.has(secret?.last ?? '')
        if (secret === undefined || isMoved) return unknownSecret
        return secret.address === addressOf(given, path) ? secret.read() : otherAddress
      }
    },
    protect(entry, secrets, { kind, id, previous }) {
      const result = structuredClone(entry) as MutableObject
      for (const { path, text } of secrets) {
        const parent = valueAt(result, path.slice(0, -1)) as MutableObject
        const last = path.at(-1) as string
        const before = valueAt(previous, path)
        const written = parent[last] as { readonly hidden?: string } | undefined
        if (last === 'value') {
          delete parent.value
          const hash = createHash('sha256').update(text, 'utf8').digest('base64')
          parent.sha256 = sealed(hash, kind, id, [...path.slice(0, -1), 'sha256'])
        } else if (before !== undefined && written?.hidden === fingerprint(kind, id, before))
          parent[last] = before as Json
        else parent[last] = sealed(text, kind, id, path)
      }
      return result
    },
    hide(kind, id, entry) {
      const result = structuredClone(entry) as MutableObject
      for (const path of secretPaths(kind, entry)) {
        const value = valueAt(entry, path)
        const parent = valueAt(result, path.slice(0, -1)) as MutableObject
        if (!isPlace(value)) parent[path.at(-1) as string] = { hidden: fingerprint(kind, id, value) }
      }
      return result
    },
  }
}

type MutableObject = { [name: string]: Json }

/** Returns whether a file says there where the secret is. */
const isPlace = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  ['env', 'file'].some(key => Object.keys(value).length === 1 && Object.hasOwn(value, key))

/** Keys of the address that a secret beside them is sent to, and of the protection on the way. */
const addressKeys = ['issuer', 'url', 'tls', 'host', 'port', 'secure'] as const

const addressOf = (entry: unknown, path: Path): string =>
  JSON.stringify(addressKeys.map(key => valueAt(entry, [...path.slice(0, -1), key]) ?? null))

const otherAddress = {
  ok: false,
  error: {
    problem: 'the secret is for another address',
    expected: 'the secret as a string, because the address beside it has changed',
    fix: 'write the value',
  },
} as const

const refused = {
  ok: false,
  error: {
    problem: 'only a configuration file can refer to variables and files',
    expected: 'the secret as a string',
    fix: 'write the value',
  },
} as const

const unopened = (problem: string) =>
  ({
    ok: false,
    error: {
      problem: `the stored secret can't be opened: ${problem}`,
      expected: 'a secret that this server stored for this entry',
      fix: 'write the value again, or restore the entry from a backup',
    },
  }) as const

const unknownSecret = {
  ok: false,
  error: {
    problem: 'the entry has no such secret',
    expected: 'a secret that this entry has now, as it is shown',
    fix: 'read the entry again, or write the value',
  },
} as const
