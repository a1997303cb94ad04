/**
 * The entries of an issuer that were made while the server runs. Clients are looked up one by one. A change of any other
 * entry, or of what the clients need, replaces the configuration snapshot.
 */

import type { Seconds } from '@tessera/protocol/brand'
import { createEntrySecrets, type EntrySecrets } from '../administration/secrets.ts'
import {
  clientRows,
  createStoredClients,
  needsIn,
  type StoredClients,
  withChanges,
} from '../clients/registration/stored-clients.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { ReadEntry } from '../configuration/entries/entry-source.ts'
import { createSealing } from '../keys/sealing.ts'
import { type ClientNeeds, entryKinds, type StoredEntry } from '../model/entry.ts'
import type { DerivedKeys, Sealing } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import { serial } from '../runtime/async/promises.ts'
import { readRepeatedly } from '../runtime/async/repeated-reading.ts'
import type { Changes, Log } from '../runtime/ports.ts'

export type LiveEntries = {
  /** The configuration of the file with the stored entries. */
  readonly configuration: Configuration
  readonly clients: StoredClients
  readonly secrets: EntrySecrets
  readonly sealing: Sealing
  /** Starts to follow changes by other processes. */
  readonly begin: () => void
  /** Resolves when this process has applied the last change, and tells the others. */
  readonly changed: () => Promise<void>
  /** Stops to follow changes by other processes, but still applies those that `changed` reports. */
  readonly retire: () => void
  readonly stop: () => void
}

type LiveEntriesPorts = {
  readonly stores: Pick<Stores, 'entries'>
  readonly derived: DerivedKeys
  /** Notifies other processes, if the store does not. */
  readonly changes: Changes
  readonly log: Log
  /** Composes everything again, because other entries than clients have changed. */
  readonly recompose: () => Promise<void>
}

/** Seconds between two readings without a notification, which may be lost. */
const interval: Seconds = 60

/** Reads the entries, and adds them to the configuration. Logs those that do not fit it, and leaves them out. */
export async function loadLiveEntries(
  base: Configuration,
  { stores: { entries }, derived, changes, log, recompose }: LiveEntriesPorts,
): Promise<LiveEntries> {
  const sealing = createSealing({ derived, purpose: 'entries' })
  const source = base.entries
  const secrets = createEntrySecrets({ derived, sealing, secretPaths: source.secretPaths })
  let seen = await entries.revision()
  const shared = await entries.shared()
  const index = await entries.clientIndex()
  const read = shared.flatMap(stored => readShared(stored))
  const filed = source.written('clients')
  for (const { id } of index.rows)
    if (filed.has(id)) log.warn('entry_hidden_by_file', { kind: 'clients', id })
  const { configuration, parseClient, errors } = source.extend(base, read)
  for (const { entry, diagnostic } of errors) logInvalid(entry, [diagnostic])
  const clients = createStoredClients(clientRows(index), {
    entries,
    parse(stored) {
      const parsed = parseClient(source.read('clients', stored.entry, secrets.opener('clients', stored.id)))
      if (parsed.ok) return { ...parsed.client, enabled: stored.enabled === 1 }
      logInvalid(stored, parsed.errors)
      return undefined
    },
  })
  const composedOf = contentOf(shared, clients.needs())
  const inOrder = serial()
  let stopped = false
  let stopReading = (): void => {}

  /** Returns those that fit their schema, and are not in the file. */
  function readShared(stored: StoredEntry): readonly ReadEntry[] {
    if (!(entryKinds as readonly string[]).includes(stored.kind)) {
      logInvalid(stored, [{ problem: 'its kind is not known' }])
      return []
    }
    if (source.written(stored.kind).has(stored.id)) {
      log.warn('entry_hidden_by_file', { kind: stored.kind, id: stored.id })
      return []
    }
    const reading = source.read(stored.kind, stored.entry, secrets.opener(stored.kind, stored.id))
    if (reading.ok) return [reading.read]
    logInvalid(stored, reading.errors)
    return []
  }

  function logInvalid(
    entry: Pick<StoredEntry, 'kind' | 'id'> | undefined,
    problems: readonly object[],
  ): void {
    log.error('entry_invalid', { kind: entry?.kind, id: entry?.id, errors: problems })
  }

  const refresh = (): Promise<void> =>
    inOrder(async () => {
      const revision = await entries.revision()
      if (stopped || revision === seen) return
      // A removed client leaves no row, so all are read again then.
      const rows =
        withChanges(clients.rows(), await entries.clientIndex(seen)) ??
        clientRows(await entries.clientIndex())
      // This snapshot has no keys for a client that needs another algorithm, so only the next one serves that client.
      if (contentOf(await entries.shared(), needsIn(rows)) === composedOf) clients.use(rows)
      else await recompose()
      seen = revision
    })

  return {
    configuration,
    clients,
    secrets,
    sealing,
    begin() {
      stopReading = readRepeatedly(refresh, {
        interval,
        watch: entries.watch ?? changes.watch,
        onFailure: error => log.error('entries_refresh_failed', { error: String(error) }),
      })
    },
    async changed() {
      if (!entries.watch) await changes.announce()
      await refresh()
    },
    retire: () => stopReading(),
    stop() {
      stopped = true
      stopReading()
    },
  }
}

/** Returns a text that changes when a snapshot must be composed again. */
const contentOf = (shared: readonly StoredEntry[], needs: readonly ClientNeeds[]): string =>
  JSON.stringify([
    shared.map(({ kind, id, version, created_at }) => [kind, id, version, created_at]),
    summaryOf(needs),
  ])

/** Returns what the clients need together, except what is looked up for each. */
function summaryOf(needs: readonly ClientNeeds[]): unknown {
  const distinct = (of: (one: ClientNeeds) => readonly string[]): readonly string[] =>
    [...new Set(needs.flatMap(of))].toSorted()
  return [
    distinct(({ algorithms = [] }) => algorithms),
    Math.max(0, ...needs.map(({ lifetime = 0 }) => lifetime)),
    distinct(({ accent_color }) => (accent_color === undefined ? [] : [accent_color])),
    distinct(({ colon_id }) => (colon_id === undefined ? [] : [colon_id])),
    needs.some(one => one.plain_pkce),
    needs.some(one => one.devices),
  ]
}
