/**
 * Tracks clients and users that the most recently applied configuration disabled. A node that still runs an older file
 * treats them as disabled too. Also tracks when everything that was issued to a client was revoked.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { IsRevoked } from '../model/authorization.ts'
import type { ConfiguredPrincipals, DisabledPrincipals, Principals } from '../model/ports/stores.ts'
import { serial } from '../runtime/async/promises.ts'
import type { Changes, Log } from '../runtime/ports.ts'

export type PrincipalWatch = {
  readonly isDisabledClient: (clientId: string) => boolean
  readonly isDisabledUser: (sub: string) => boolean
  /** Returns when everything that was issued to this client was last revoked; undefined: never. */
  readonly clientRevokedAt: (clientId: string) => Seconds | undefined
  readonly isRevoked: IsRevoked
  /**
   * Revokes everything that was issued to the client until `at`: at this process when the promise resolves, at others
   * within a second. Returns false if no such client was ever configured or registered, unless its id is a URL.
   */
  readonly revokeClient: (clientId: string, at: Seconds) => Promise<boolean>
  /** Reads the store again. Resolves when this process knows what was revoked until now. */
  readonly refresh: () => Promise<void>
  /** Writes the configured principals, if any are given, and starts to follow changes by other nodes. */
  readonly begin: (configured?: ConfiguredPrincipals) => Promise<void>
  readonly stop: () => void
}

type PrincipalPorts = {
  readonly principals: Principals
  /** Notifies other processes, if the store does not. */
  readonly changes: Changes
}

/** Seconds between two readings without a notification, which may be lost. */
const interval: Seconds = 60

export function createPrincipalWatch({
  log,
  ...ports
}: PrincipalPorts & { readonly log: Log }): PrincipalWatch {
  const { principals, changes } = ports
  let disabled: DisabledPrincipals = { clients: new Set(), users: new Set(), revokedClients: new Map() }
  // An older reading must not replace a newer one.
  const inOrder = serial()
  let unwatch = (): void => {}
  let timer: NodeJS.Timeout | undefined

  const read = (): Promise<void> =>
    inOrder(async () => {
      disabled = await principals.disabled()
    })
  const refresh = (): void => {
    read().catch(error => log.error('principals_refresh_failed', { error: String(error) }))
  }

  return {
    isDisabledClient: clientId => disabled.clients.has(clientId),
    isDisabledUser: sub => disabled.users.has(sub),
    clientRevokedAt: clientId => disabled.revokedClients.get(clientId),
    isRevoked({ client_id, created_at, revoked_at }) {
      if (revoked_at !== undefined) return true
      const clientRevokedAt = disabled.revokedClients.get(client_id)
      return clientRevokedAt !== undefined && created_at <= clientRevokedAt
    },
    async revokeClient(clientId, at) {
      const revoked = await principals.revokeClient(clientId, at)
      if (!revoked) return false
      if (!principals.watch) await changes.announce()
      await read()
      return true
    },
    refresh: read,
    async begin(configured) {
      unwatch = principals.watch ? principals.watch(refresh) : changes.watch(refresh)
      timer = setInterval(refresh, interval * 1000).unref()
      if (configured) await writePrincipals(configured, ports)
      await read()
    },
    stop() {
      clearInterval(timer)
      unwatch()
    },
  }
}

/** Writes the configured principals, and notifies the other processes of a change. */
export async function writePrincipals(
  configured: ConfiguredPrincipals,
  { principals, changes }: PrincipalPorts,
): Promise<void> {
  const changed = await principals.sync(configured)
  if (changed && !principals.watch) await changes.announce()
}
