/**
 * Tracks clients and users that the most recently applied configuration disabled. A node that still runs an older file
 * treats them as disabled too. Also tracks when everything that was issued to a client or tenant was revoked.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { IsRevoked, Session } from '../model/authorization.ts'
import type { ConfiguredPrincipals, DisabledPrincipals, Principals } from '../model/ports/stores.ts'
import { signedInAt } from '../model/user.ts'
import { serial } from '../runtime/async/promises.ts'
import { readRepeatedly } from '../runtime/async/repeated-reading.ts'
import type { Changes, Log } from '../runtime/ports.ts'

type SignIn = Pick<Session, 'tenant' | 'auth_time' | 'signed_in_at'>

export type PrincipalWatch = {
  readonly isDisabledClient: (clientId: string) => boolean
  readonly isDisabledUser: (sub: string) => boolean
  /** Returns when everything that was issued to this client was last revoked; undefined: never. */
  readonly clientRevokedAt: (clientId: string) => Seconds | undefined
  readonly isRevoked: IsRevoked
  /** Returns whether the user signed in to the session before everything of its tenant was revoked. */
  readonly isRevokedSession: (session: SignIn) => boolean
  /** Returns when everything that was issued to users of each tenant was last revoked; the empty name means everything. */
  readonly revokedTenants: () => ReadonlyMap<string, Seconds>
  /**
   * Revokes everything that was issued to users of the tenant until `at`, or everything without a tenant, as
   * `revokeClient` does.
   */
  readonly revokeTenant: (tenant: string | undefined, at: Seconds) => Promise<void>
  /**
   * Revokes everything that was issued to the client until `at`: at this process when the promise resolves, at others
   * within a second. Returns false if no such client was ever configured or registered, unless it needs no row.
   */
  readonly revokeClient: (clientId: string, at: Seconds) => Promise<boolean>
  /** Returns what operators blocked. */
  readonly blocks: () => Pick<
    DisabledPrincipals,
    'clients' | 'blockedClients' | 'blockedRedirects' | 'sealedBlocked'
  >
  /** Blocks as `revokeClient` revokes, or ends a block. Returns whether that changed anything. */
  readonly block: Principals['block']
  /** Reads the store again. Resolves when this process knows what was revoked until now. */
  readonly refresh: () => Promise<void>
  /** Writes the configured principals, if any are given, and starts to follow changes by other nodes. */
  readonly begin: (configured?: ConfiguredPrincipals) => Promise<void>
  /** Follows changes without reporting that another configuration disables principals of this one: its successor does. */
  readonly retire: () => void
  readonly stop: () => void
}

type PrincipalPorts = {
  readonly principals: Principals
  /** Notifies other processes, if the store does not. */
  readonly changes: Changes
}

/**
 * Clocks of nodes that follow the same database differ by less. A revocation that is stored as a time is this much ahead,
 * so that it also applies to what a node that is ahead issued before.
 */
export const nodeSkew: Seconds = 1

/** Seconds between two readings without a notification, which may be lost. */
const interval: Seconds = 60

export function createPrincipalWatch({
  log,
  ...ports
}: PrincipalPorts & { readonly log: Log }): PrincipalWatch {
  const { principals, changes } = ports
  let disabled: DisabledPrincipals = {
    clients: new Set(),
    blockedClients: new Set(),
    users: new Set(),
    revokedClients: new Map(),
    revokedTenants: new Map(),
    blockedRedirects: [],
    sealedBlocked: false,
  }
  // An older reading must not replace a newer one.
  const inOrder = serial()
  let stop = (): void => {}
  let own: ConfiguredPrincipals | undefined
  /** Whether the reading before found that another configuration disables principals of this one. */
  let overruled: 'no' | 'once' | 'reported' = 'no'

  const read = (): Promise<void> =>
    inOrder(async () => {
      disabled = await principals.disabled()
      reportOverruled()
    })
  const reportOverruled = (): void => {
    const counts = own ? overruledIn(own, disabled) : { clients: 0, users: 0 }
    if (counts.clients + counts.users === 0) overruled = 'no'
    // A reload replaces this configuration between two readings.
    else if (overruled === 'no') overruled = 'once'
    else if (overruled === 'once') {
      overruled = 'reported'
      log.warn('configuration_overruled', { ...counts, advice: 'give all processes the same configuration' })
    }
  }
  const announce = async (): Promise<void> => {
    if (!principals.watch) await changes.announce()
    await read()
  }
  /** Returns whether one of the times is at or before the revocation. */
  const isBefore = (revoked_at: Seconds | undefined, ...times: readonly Seconds[]): boolean =>
    revoked_at !== undefined && times.some(at => at <= revoked_at)
  // An authorization of an earlier session counts as revoked whenever it is created: another node may not have known yet
  // that the session was over.
  const isRevokedTenant = (tenant: string | undefined, ...times: readonly Seconds[]): boolean =>
    isBefore(disabled.revokedTenants.get(''), ...times) ||
    (tenant !== undefined && isBefore(disabled.revokedTenants.get(tenant), ...times))

  return {
    isDisabledClient: clientId => disabled.clients.has(clientId),
    isDisabledUser: sub => disabled.users.has(sub),
    clientRevokedAt(clientId) {
      const [client, all] = [disabled.revokedClients.get(clientId), disabled.revokedTenants.get('')]
      return client === undefined ? all : Math.max(client, all ?? client)
    },
    isRevoked: ({
      client_id,
      created_at,
      auth_time = created_at,
      signed_in_at = auth_time,
      revoked_at,
      tenant,
      sign_in_tenant,
    }) =>
      revoked_at !== undefined ||
      isBefore(disabled.revokedClients.get(client_id), created_at) ||
      isRevokedTenant(tenant ?? sign_in_tenant, created_at, signed_in_at),
    isRevokedSession: session => isRevokedTenant(session.tenant, signedInAt(session)),
    revokedTenants: () => disabled.revokedTenants,
    async revokeTenant(tenant, at) {
      await principals.revokeTenant(tenant, at)
      await announce()
    },
    blocks: () => disabled,
    async block(...given) {
      const changed = await principals.block(...given)
      if (changed) await announce()
      return changed
    },
    async revokeClient(clientId, at) {
      const revoked = await principals.revokeClient(clientId, at)
      if (revoked) await announce()
      return revoked
    },
    refresh: read,
    async begin(configured) {
      stop = readRepeatedly(read, {
        interval,
        watch: principals.watch ?? changes.watch,
        onFailure: error => log.error('principals_refresh_failed', { error: String(error) }),
      })
      // Read first: once they are written, nothing may fail that would leave the configuration before them in use.
      await read()
      if (!configured) return
      await writePrincipals(configured, ports)
      own = configured
      await read().catch(error => log.error('principals_refresh_failed', { error: String(error) }))
    },
    retire() {
      own = undefined
    },
    stop: () => stop(),
  }
}

/** Returns how many clients and users are enabled in the configuration of this process, but disabled by a later one. */
function overruledIn(
  { clients, users }: ConfiguredPrincipals,
  disabled: DisabledPrincipals,
): { readonly clients: number; readonly users: number } {
  return {
    clients: clients.filter(
      ({ id, enabled }) => enabled && disabled.clients.has(id) && !disabled.blockedClients.has(id),
    ).length,
    users: users.filter(({ id, enabled }) => enabled && disabled.users.has(id)).length,
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
