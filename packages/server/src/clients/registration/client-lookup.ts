/**
 * Finds configured clients in memory, those of an operator and self-registered ones in the store, and others by the
 * documents that they publish, or by their ids alone.
 */

import type { Seconds } from '@tessera/protocol/brand'
import { isClientIdUrl } from '@tessera/protocol/client-id-url'
import type { Client, ClientSource, Clients, IsAllowedOrigin, NoteUse } from '../../model/client.ts'
import { hasBlockedRedirect } from '../../model/client-blocks.ts'
import { hashHandle } from '../../model/handle.ts'
import type { RegisteredClients } from '../../model/ports/stores.ts'
import { isRegisteredId, type RegisteredClient } from '../../model/registered-client.ts'
import type { ClientDocuments, Registration, SealedClients } from '../../model/registration.ts'
import { isSealedId } from '../../model/sealed-client.ts'
import { setBounded } from '../../runtime/bounded-map.ts'
import type { Awaitable, Clock, Log } from '../../runtime/ports.ts'
import type { StoredClients } from './stored-clients.ts'

export type ClientsPorts = {
  readonly configured: Clients
  /** Those that an operator made while the server runs. */
  readonly stored: Pick<StoredClients, 'find' | 'hasOrigin' | 'needs'>
  readonly registeredClients: Pick<RegisteredClients, 'find' | 'hasOrigin' | 'extend' | 'replica'>
  /** Returns undefined if the registration no longer fits the configuration. */
  readonly read: (registered: RegisteredClient) => Client | undefined
  readonly registration: Pick<Registration, 'unusedClientLifetime'>
  /** Undefined if clients may not publish their metadata. */
  readonly documents?: ClientDocuments | undefined
  readonly sealedClients: Pick<SealedClients, 'find' | 'isAllowedOrigin'>
  /** Returns the destinations to which no self-registered client may redirect. */
  readonly blockedRedirects: () => readonly string[]
  /** Returns whether another node's configuration, or an operator, disabled the client. */
  readonly isDisabled: (clientId: string) => boolean
  readonly clock: Clock
  readonly log: Log
}

/** Parsed clients in memory. Beyond it, the oldest is dropped. */
const capacity = 1000
const day: Seconds = 86_400

/** Finds clients, and records their use. */
export type ClientLookup = Clients & {
  /** Returns what the stored clients need, because `all` does not include them. */
  readonly needs: StoredClients['needs']
  readonly isAllowedOrigin: IsAllowedOrigin
  readonly noteUse: NoteUse
}

/**
 * Creates the lookup. It reads a registered client's row each time and compares its version, so that updates by any
 * process take effect immediately. Only the parsed client is cached.
 */
export function createClients(ports: ClientsPorts): ClientLookup {
  const { configured, stored, registeredClients, documents, clock, log } = ports
  // For a deleted client, the commit fails.
  const reads = registeredClients.replica ?? registeredClients
  const ready = new Map<string, { readonly row: RegisteredClient; readonly client: Client | undefined }>()
  const prolonging = new Set<string>()
  const origins = new Set(
    [...configured.all()].filter(({ enabled }) => enabled).flatMap(client => client.allowed_cors_origins),
  )

  return {
    all: configured.all,
    needs: stored.needs,
    find(clientId, source) {
      const known = configured.find(clientId)
      if (known !== undefined) return ports.isDisabled(clientId) ? { ...known, enabled: false } : known
      const made = stored.find(clientId)
      if (made !== undefined) return made
      const found = selfRegisteredOf(clientId, source)
      return found instanceof Promise ? found.then(unlessBlocked) : unlessBlocked(found)
    },
    noteUse({ client_id, registered }, sub) {
      const row = registered && ready.get(client_id)?.row
      if (!row) return
      // Anyone can register clients and use them without a user, so such requests count as use only for trusted
      // clients.
      const isUse = sub !== undefined || registered.trusted
      prolong(row, {
        ...(isUse && { used_at: clock.now() }),
        ...(sub !== undefined && { used_by: hashHandle(sub) }),
      })
    },
    isAllowedOrigin(origin) {
      if (origins.has(origin) || stored.hasOrigin(origin)) return true
      if (documents?.isAllowedOrigin(origin) || ports.sealedClients.isAllowedOrigin(origin)) return true
      return orFalse(() => reads.hasOrigin(origin, clock.now()), log)
    },
  }

  function selfRegisteredOf(
    clientId: string,
    source: ClientSource | undefined,
  ): Awaitable<Client | undefined> {
    if (isClientIdUrl(clientId)) return publishedOf(clientId, source)
    return isSealedId(clientId) ? sealedOf(clientId) : registeredOf(clientId)
  }

  function unlessBlocked(client: Client | undefined): Client | undefined {
    const isBlocked = client && hasBlockedRedirect(client, ports.blockedRedirects())
    return isBlocked ? { ...client, enabled: false } : client
  }

  function sealedOf(clientId: string): Client | undefined {
    const client = ports.sealedClients.find(clientId)
    return client && ports.isDisabled(clientId) ? { ...client, enabled: false } : client
  }

  function publishedOf(clientId: string, source: ClientSource | undefined): Awaitable<Client | undefined> {
    // An operator who removes the client of a URL disables it.
    if (documents === undefined || ports.isDisabled(clientId)) return undefined
    if (source === 'at_hand') return documents.known(clientId)
    const found = documents.find(clientId)
    return source === 'if_reachable' && found instanceof Promise
      ? found.catch(() => documents.known(clientId))
      : found
  }

  function registeredOf(clientId: string): Awaitable<Client | undefined> {
    if (!isRegisteredId(clientId)) return undefined
    const row = reads.find(clientId)
    return row instanceof Promise ? row.then(clientOf) : clientOf(row)
  }

  function clientOf(row: RegisteredClient | undefined): Client | undefined {
    if (!row || hasExpired(row, clock.now())) return undefined
    const kept = ready.get(row.client_id)
    const isSame = kept?.row.version === row.version
    const client = isSame ? kept.client : ports.read(row)
    // Of the same version, it keeps its place.
    if (isSame) ready.set(row.client_id, { row, client })
    else setBounded(ready, row.client_id, { row, client }, capacity)
    return client
  }

  /** Records the first use immediately. Records later uses, and the expiry that they extend, at most once a day. */
  function prolong(
    { client_id, used_at, used_by, expires_at }: RegisteredClient,
    use: Pick<RegisteredClient, 'used_at' | 'used_by'>,
  ): void {
    const lifetime = ports.registration.unusedClientLifetime
    const now = clock.now()
    const end = lifetime === 0 ? undefined : now + lifetime
    const isNew =
      (use.used_at !== undefined && (used_at === undefined || now - used_at >= day)) ||
      (use.used_by !== undefined && used_by === undefined)
    const isMoved =
      end === undefined || (expires_at !== undefined && end - expires_at < Math.min(day, lifetime / 2))
    if ((!isNew && isMoved) || prolonging.has(client_id)) return
    prolonging.add(client_id)
    registeredClients
      .extend(client_id, { ...use, ...(end !== undefined && { expires_at: end }) })
      .catch(error => log.warn('client_not_prolonged', { client_id, error: String(error) }))
      .finally(() => prolonging.delete(client_id))
  }
}

export const hasExpired = ({ expires_at }: RegisteredClient, now: Seconds): boolean =>
  expires_at !== undefined && expires_at <= now

/** Returns false if the lookup fails. */
function orFalse(look: () => Awaitable<boolean>, log: Log): Awaitable<boolean> {
  const failed = (error: unknown): boolean => {
    log.warn('origin_not_looked_up', { error: String(error) })
    return false
  }
  try {
    const known = look()
    return known instanceof Promise ? known.catch(failed) : known
  } catch (error) {
    return failed(error)
  }
}
