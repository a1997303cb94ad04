/** Finds clients: those that the configuration names at once, those that registered themselves in the store. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Client, Clients, IsAllowedOrigin } from '../core/client.ts'
import type { RegisteredClient } from '../core/registered-client.ts'
import type { Registration } from '../core/registration.ts'
import type { Awaitable, Clock, Log } from '../core/runtime.ts'
import type { RegisteredClients } from '../core/stores.ts'
import { isRegisteredId } from './client-id.ts'

export type ClientsPorts = {
  readonly configured: Clients
  readonly registeredClients: Pick<RegisteredClients, 'find' | 'hasOrigin' | 'prolong' | 'copy'>
  /** Undefined: what was registered no longer fits the configuration. */
  readonly read: (registered: RegisteredClient) => Client | undefined
  readonly registration: Pick<Registration, 'unusedClientLifetime'>
  /** Whether a node with another configuration took it out. */
  readonly hasFallen: (clientId: string) => boolean
  readonly clock: Clock
  readonly log: Log
}

/** Clients that are kept ready-made; beyond it the oldest go. */
const capacity = 1000
const day: Seconds = 86_400

/**
 * The row of a registered client is read each time and its version compared, so that an update or a deletion by any
 * process counts at once; only what is made of the row is kept.
 */
export function createClients(ports: ClientsPorts): Clients & { readonly isAllowedOrigin: IsAllowedOrigin } {
  const { configured, registeredClients, clock, log } = ports
  // What may not be given to a client that is gone, `commit` refuses.
  const reads = registeredClients.copy ?? registeredClients
  const ready = new Map<string, { readonly version: number; readonly client: Client | undefined }>()
  const prolonging = new Set<string>()
  const origins = new Set(
    [...configured.all()].filter(({ enabled }) => enabled).flatMap(client => client.allowed_cors_origins),
  )

  return {
    all: configured.all,
    find(clientId) {
      const known = configured.find(clientId)
      if (known !== undefined) return ports.hasFallen(clientId) ? { ...known, enabled: false } : known
      if (!isRegisteredId(clientId)) return undefined
      const row = reads.find(clientId)
      return row instanceof Promise ? row.then(clientOf) : clientOf(row)
    },
    isAllowedOrigin(origin) {
      if (origins.has(origin)) return true
      return orFalse(() => reads.hasOrigin(origin, clock.now()), log)
    },
  }

  function clientOf(row: RegisteredClient | undefined): Client | undefined {
    if (!row || hasEnded(row, clock.now())) return undefined
    prolong(row)
    const kept = ready.get(row.client_id)
    if (kept?.version === row.version) return kept.client
    const client = ports.read(row)
    ready.delete(row.client_id)
    ready.set(row.client_id, { version: row.version, client })
    const oldest = ready.size > capacity ? ready.keys().next().value : undefined
    if (oldest !== undefined) ready.delete(oldest)
    return client
  }

  /** It was used: its end moves, once a day at most. Nobody waits for that. */
  function prolong({ client_id, expires_at }: RegisteredClient): void {
    const lifetime = ports.registration.unusedClientLifetime
    if (lifetime === 0 || prolonging.has(client_id)) return
    const end = clock.now() + lifetime
    if (expires_at !== undefined && end - expires_at < Math.min(day, lifetime / 2)) return
    prolonging.add(client_id)
    registeredClients
      .prolong(client_id, end)
      .catch(error => log.warn('client_not_prolonged', { client_id, error: String(error) }))
      .finally(() => prolonging.delete(client_id))
  }
}

export const hasEnded = ({ expires_at }: RegisteredClient, now: Seconds): boolean =>
  expires_at !== undefined && expires_at <= now

/** An origin that can't be looked up now is not allowed now. */
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
