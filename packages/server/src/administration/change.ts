/** Checks and writes one change of an entry. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Diagnostic } from '../configuration/diagnostic.ts'
import { type AuditDetails, changesBetween } from '../model/audit-record.ts'
import type { EntryKind, StoredEntry } from '../model/entry.ts'
import type { PreparedEvent } from '../model/events.ts'
import { newId } from '../model/handle.ts'
import { isRegisteredId } from '../model/registered-client.ts'
import { serial } from '../runtime/async/promises.ts'
import { createEntryCheck } from './checked-entry.ts'
import { expiring, secretLists, withSecret } from './generated-secret.ts'
import {
  type AdministrationPorts,
  type AdministrationRefusal,
  type Changed,
  type ChangeOptions,
  type Outcome,
  type RotationOptions,
  refusal,
  type ShownEntry,
  type VersionedOptions,
} from './interface.ts'
import { showRegistered, showStored } from './list.ts'
import { createReferences } from './references.ts'
import type { EntrySecrets } from './secrets.ts'

type ChangePorts = AdministrationPorts & { readonly secrets: EntrySecrets }

type Changes = {
  readonly create: (kind: EntryKind, entry: JsonObject, options: ChangeOptions) => Promise<Outcome<Changed>>
  readonly replace: (
    kind: EntryKind,
    id: string,
    entry: JsonObject,
    options: VersionedOptions,
  ) => Promise<Outcome<Changed>>
  readonly remove: (kind: EntryKind, id: string, options: VersionedOptions) => Promise<Outcome<ShownEntry>>
  readonly rotateSecret: (kind: EntryKind, id: string, options: RotationOptions) => Promise<Outcome<Changed>>
}

/** How often a change is checked again because another one was written meanwhile. */
const attempts = 20

const idKey = (kind: EntryKind): 'client_id' | 'name' => (kind === 'clients' ? 'client_id' : 'name')

export function createChanges(ports: ChangePorts): Changes {
  const { source, entries, secrets, clock, random, events, log } = ports
  const references = createReferences(ports)
  const checked = createEntryCheck({ ...ports, references })
  // Within this process, changes need not be tried several times.
  const inOrder = serial()

  /**
   * Runs the work with the current revision until its write is accepted, so that what it has checked is still true when
   * it is written.
   */
  const retrying = <Value>(
    work: (revision: number) => Promise<Outcome<Value> | 'changed_meanwhile'>,
  ): Promise<Outcome<Value>> =>
    inOrder(async () => {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const outcome = await work(await entries.revision())
        if (outcome !== 'changed_meanwhile') return outcome
      }
      return refusal('entries_busy')
    })

  /** Returns why an entry can't be changed. */
  const changeRefusal = async (
    kind: EntryKind,
    id: string,
    before: StoredEntry | undefined,
    version: number | undefined,
  ): Promise<AdministrationRefusal | undefined> => {
    if (source.written(kind).has(id)) return refusal('entry_read_only')
    if (!before) return refusal((await isRegistered(kind, id)) ? 'entry_read_only' : 'entry_unknown')
    return version === undefined || version === before.version
      ? undefined
      : refusal('entry_changed', { version: before.version })
  }

  const isRegistered = async (kind: EntryKind, id: string): Promise<boolean> =>
    kind === 'clients' && isRegisteredId(id) && (await ports.registeredClients.find(id)) !== undefined

  /** Writes the entry unless this is a dry run. */
  async function written(
    stored: StoredEntry,
    before: StoredEntry | undefined,
    revision: number,
    { actor, dryRun = false }: ChangeOptions,
    secret: string | undefined,
  ): Promise<Outcome<Changed> | 'changed_meanwhile'> {
    const value: Changed = {
      entry: showStored(stored, secrets),
      ...(secret !== undefined && !dryRun && { secret }),
    }
    if (dryRun) return { ok: true, value }
    const { kind, id, version } = stored
    const change = { kind, id, version, actor }
    const details = changesOf(kind, id, before?.entry, stored.entry)
    const event = before
      ? events.prepare(
          'entry.updated',
          { ...change, changed: changedKeys(before.entry, stored.entry) },
          details,
        )
      : events.prepare('entry.created', change, details)
    if (!(await entries.put(stored, revision, event.messages))) return 'changed_meanwhile'
    await report(event, before ? 'entry_updated' : 'entry_created', {
      ...change,
      ...(before && { changed: changedKeys(before.entry, stored.entry) }),
    })
    return { ok: true, value }
  }

  /** Returns the values that differ, with hidden secrets. */
  function changesOf(
    kind: EntryKind,
    id: string,
    before: JsonObject | undefined,
    after: JsonObject | undefined,
  ): AuditDetails {
    const [from, to] = [before, after].map(entry => (entry ? secrets.hide(kind, id, entry) : {}))
    return changesBetween(from ?? {}, to ?? {}, changedKeys(before ?? {}, after ?? {}))
  }

  async function report(
    event: PreparedEvent | undefined,
    name: 'entry_created' | 'entry_updated' | 'entry_deleted',
    fields: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    log.info(name, fields)
    event?.happened()
    // A client with the same id may be made at once, for which earlier tokens must not be valid.
    if (name === 'entry_deleted' && fields.kind === 'clients') await ports.clientRemoved()
    await ports.changed()
  }

  async function removeRegistered(
    id: string,
    { actor, dryRun = false, version }: VersionedOptions,
  ): Promise<Outcome<ShownEntry>> {
    const client = await ports.registeredClients.find(id)
    if (!client) return refusal('entry_unknown')
    if (version !== undefined && version !== client.version)
      return refusal('entry_changed', { version: client.version })
    if (!dryRun && (await ports.registeredClients.remove(id))) {
      const change = { kind: 'clients', id, version: client.version, actor } as const
      // Stored afterwards, because this removal takes no messages.
      events.emit('entry.deleted', change)
      await report(undefined, 'entry_deleted', change)
    }
    return { ok: true, value: showRegistered(client) }
  }

  return {
    create: (kind, given, options) =>
      retrying(async revision => {
        const key = idKey(kind)
        const named =
          kind === 'clients' && given[key] === undefined ? { ...given, [key]: newId(random) } : given
        const { entry, secret } = options.generateSecret ? withSecret(kind, named, random) : { entry: named }
        // The schema refuses any other type.
        const id = typeof entry[key] === 'string' ? entry[key] : ''
        const isTaken =
          source.written(kind).has(id) ||
          (await entries.find(kind, id)) !== undefined ||
          (await isRegistered(kind, id))
        if (isTaken) return refusal('entry_exists')
        const outcome = await checked(kind, id, entry, undefined, revision)
        return outcome.ok ? written(outcome.value, undefined, revision, options, secret) : outcome
      }),
    replace: (kind, id, given, options) =>
      retrying(async revision => {
        const before = await entries.find(kind, id)
        const refused = await changeRefusal(kind, id, before, options.version)
        if (refused) return refused
        const key = idKey(kind)
        if (given[key] !== undefined && given[key] !== id)
          return refusal('entry_invalid', { errors: [renamed(key)] })
        const named = { [key]: id, ...given }
        const { entry, secret } = options.generateSecret ? withSecret(kind, named, random) : { entry: named }
        const outcome = await checked(kind, id, entry, before, revision)
        return outcome.ok ? written(outcome.value, before, revision, options, secret) : outcome
      }),
    remove: (kind, id, options) =>
      retrying(async revision => {
        const before = await entries.find(kind, id)
        if (!before && (await isRegistered(kind, id))) return removeRegistered(id, options)
        const refused = await changeRefusal(kind, id, before, options.version)
        if (refused || !before) return refused ?? refusal('entry_unknown')
        const referring = await references.to(before)
        if (referring.length > 0) return refusal('entry_referenced', { references: referring })
        const users = await references.usersLeftBehind(before)
        if (users > 0) return refusal('entry_has_users', { users })
        const value = showStored(before, secrets)
        if (options.dryRun) return { ok: true, value }
        const change = { kind, id, version: before.version, actor: options.actor }
        const event = events.prepare('entry.deleted', change, changesOf(kind, id, before.entry, undefined))
        if (!(await entries.remove(kind, id, { revision, at: clock.now() }, event.messages)))
          return 'changed_meanwhile'
        await report(event, 'entry_deleted', change)
        return { ok: true, value }
      }),
    rotateSecret: (kind, id, { overlap = 0, ...options }) =>
      retrying(async revision => {
        const before = await entries.find(kind, id)
        const refused = await changeRefusal(kind, id, before, options.version)
        if (refused || !before) return refused ?? refusal('entry_unknown')
        const list = secretLists[kind]
        if (list === undefined) return refusal('entry_invalid', { errors: [withoutSecrets] })
        const end = clock.now() + overlap
        const kept = overlap > 0 ? expiring(before.entry[list], end) : []
        const { entry, secret } = withSecret(kind, { ...before.entry, [list]: kept }, random)
        const hidden = secrets.hide(kind, id, entry)
        // The new secret is the last one. The others are kept as they are shown.
        const sent = {
          ...hidden,
          [list]: [...(hidden[list] as never[]).slice(0, -1), ...(entry[list] as never[]).slice(-1)],
        }
        const outcome = await checked(kind, id, sent, before, revision)
        return outcome.ok ? written(outcome.value, before, revision, options, secret) : outcome
      }),
  }
}

/** Returns the names of the keys that differ. Their values may be secrets. */
const changedKeys = (before: JsonObject, after: JsonObject): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter(key => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .toSorted()

const renamed = (path: string): Diagnostic => ({
  path,
  problem: 'an entry can not be renamed',
  expected: 'the id of the entry that is replaced, or no id',
  fix: 'make a new entry, and remove this one',
})

const withoutSecrets: Diagnostic = {
  path: '(top)',
  problem: 'an entry of this kind has no list of secrets',
  expected: 'a client or an API resource',
  fix: 'replace the entry instead',
}
