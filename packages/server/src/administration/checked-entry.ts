/** Checks an entry that someone sends by the schema and the rules of the file. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Diagnostic } from '../configuration/diagnostic.ts'
import type { ReadEntry } from '../configuration/entries/entry-source.ts'
import { isDotSegment } from '../model/admin-api.ts'
import { type EntryKind, needsOf, type StoredEntry } from '../model/entry.ts'
import { type AdministrationPorts, type Outcome, refusal } from './interface.ts'
import type { References } from './references.ts'
import type { EntrySecrets, NotedSecret } from './secrets.ts'

type CheckPorts = Pick<AdministrationPorts, 'source' | 'isTenant' | 'clock'> & {
  readonly secrets: EntrySecrets
  readonly references: References
}

/** Returns the entry as it would be stored. */
type CheckEntry = (
  kind: EntryKind,
  id: string,
  given: JsonObject,
  before: StoredEntry | undefined,
  revision: number,
) => Promise<Outcome<StoredEntry>>

/** In characters of JSON. */
const mostCharacters = 262_144

export const createEntryCheck =
  ({ source, isTenant, clock, secrets, references }: CheckPorts): CheckEntry =>
  async (kind, id, given, before, revision) => {
    if (kind === 'tenants' && isTenant) return refusal('entry_invalid', { errors: [tenantOfTenant] })
    if (JSON.stringify(given).length > mostCharacters) return refusal('entry_invalid', { errors: [tooLong] })
    if (before === undefined && isDotSegment(id))
      return refusal('entry_invalid', { errors: [dotSegment(kind)] })
    const noted = new Map<string, NotedSecret>()
    const reading = source.read(
      kind,
      given,
      secrets.receiver(given, { kind, id: before?.id ?? id, previous: before?.entry }),
      (path, text) => noted.set(JSON.stringify(path), { path, text }),
    )
    if (!reading.ok) return refusal('entry_invalid', { errors: reading.errors })
    const errors = await references.errorsOf(reading.read, before)
    if (errors.errors.length > 0) return refusal('entry_invalid', errors)
    if (errors.references.length > 0) return refusal('entry_referenced', { references: errors.references })
    const users = await references.usersLeftBehind(before, given)
    if (users > 0) return refusal('entry_has_users', { users })
    const now = clock.now()
    const needs =
      kind === 'clients' ? needsOf(reading.read.value as Parameters<typeof needsOf>[0]) : undefined
    return {
      ok: true,
      value: {
        kind,
        id,
        // The number of the write, so that a stale request can't name an entry that is removed and made again.
        version: Math.max(before?.version ?? 0, revision) + 1,
        entry: secrets.protect(given, [...noted.values()], { kind, id, previous: before?.entry }),
        ...(needs && { needs }),
        enabled: isEnabled(reading.read) ? 1 : 0,
        revision: 0,
        created_at: before?.created_at ?? now,
        updated_at: now,
      },
    }
  }

const isEnabled = ({ kind, value }: ReadEntry): boolean =>
  kind !== 'clients' || (value as { readonly enabled: boolean }).enabled

const tooLong: Diagnostic = {
  path: '(top)',
  problem: 'the entry is too long',
  expected: `at most ${mostCharacters} characters of JSON`,
  fix: 'make it shorter, or put it into the configuration file',
}

const dotSegment = (kind: EntryKind): Diagnostic => ({
  path: kind === 'clients' ? 'client_id' : 'name',
  problem: 'programs remove it from the path of a URL (RFC 3986 §5.2.4)',
  expected: 'an id other than . and ..',
  fix: 'choose another',
})

const tenantOfTenant: Diagnostic = {
  path: '(top)',
  problem: 'a tenant has no tenants',
  expected: "a tenant of the server's own issuer",
  fix: "make it at the server's own issuer",
}
