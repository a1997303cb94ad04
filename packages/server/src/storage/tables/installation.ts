/** Tables of the whole installation: settings, keys, registered clients, and which clients and users are enabled. */

import type { Seconds } from '@tessera/protocol/brand'
import type { StoredKey } from '../../model/authorization.ts'
import type { Block } from '../../model/client-blocks.ts'
import type { RegisteredClient } from '../../model/registered-client.ts'
import { tableFor } from './table.ts'

type Setting = { readonly name: string; readonly value: string }
type RegisteredOrigin = { readonly origin: string; readonly client_id: string }

/**
 * A client, user or tenant, or what an operator blocked. Stored clients and users have separate kinds from configured
 * ones. An inactive user of the configuration also has a row of kind `inactive_user`, which distinguishes them from a user
 * who was removed from the configuration. A client that publishes its metadata or has a sealed id, and a tenant, have a row only after an operator revoked
 * what was issued to them, or blocked the client.
 */
type PrincipalKind =
  | 'client'
  | 'user'
  | 'inactive_user'
  | 'stored_user'
  | 'published_client'
  | 'tenant'
  | Block['kind']
type Principal = {
  readonly kind: PrincipalKind
  readonly id: string
  /** 1: enabled, 0: disabled or blocked. For `inactive_user`, 1: the configuration contains the user as inactive. */
  readonly stands: number
  /** For clients and tenants: everything that was issued to it until then is revoked. */
  readonly revoked_at?: Seconds
}

/** The end of the year 9999. */
export const latestTime: Seconds = 253_402_300_799

export const installationTables = {
  settings: tableFor<Setting>()({
    name: 'settings',
    columns: { name: 'text', value: 'text' },
    key: ['name'],
    archive: { kind: 'settings', initial: true },
  }),
  keys: tableFor<StoredKey>()({
    name: 'keys',
    columns: {
      kid: 'text',
      alg: 'text',
      sealed: 'bytes',
      created_at: 'integer',
      active_from: 'integer',
    },
    key: ['kid'],
    placed: true,
    archive: { kind: 'keys', initial: true },
  }),
  registeredClients: tableFor<RegisteredClient>()({
    name: 'registered_clients',
    columns: {
      client_id: 'text',
      version: 'integer',
      metadata: 'object',
      client_secret_hash: 'text',
      client_secret_expires_at: 'integer',
      registration_token_hash: 'text',
      vouched_by: 'text',
      created_at: 'integer',
      used_at: 'integer',
      used_by: 'text',
      shown_since: 'integer',
      expires_at: 'integer',
    },
    key: ['client_id'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'registered_clients', addable: true, unsealed: true },
    parsed: ['metadata'],
  }),
  registeredOrigins: tableFor<RegisteredOrigin>()({
    name: 'registered_origins',
    columns: { origin: 'text', client_id: 'text' },
    key: ['origin', 'client_id'],
    archive: { kind: 'registered_clients', addable: true, unsealed: true, derived: true },
  }),
  principals: tableFor<Principal>()({
    name: 'standing',
    columns: { kind: 'text', id: 'text', stands: 'integer', revoked_at: 'integer' },
    key: ['kind', 'id'],
    archive: { kind: 'principals', initial: true, derived: true },
  }),
}
