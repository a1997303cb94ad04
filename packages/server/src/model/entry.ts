/** Entries of a configuration that are made while the server runs, and how they are stored. */

import type { Seconds } from '@tessera/protocol/brand'
import { grantTypes } from '@tessera/protocol/grant-types'
import type { JsonObject } from '@tessera/protocol/result'
import type { Client, SigningAlgorithm } from './client.ts'

/** The lists of a configuration whose entries can also be made at run time. */
export const entryKinds = [
  'clients',
  'api_scopes',
  'api_resources',
  'identity_resources',
  'identity_providers',
  'tenants',
] as const

export type EntryKind = (typeof entryKinds)[number]

/** The lists other than `clients`. All of their entries are held in memory. */
export const sharedKinds = entryKinds.filter(kind => kind !== 'clients')

export type StoredEntry = {
  readonly kind: EntryKind
  /** The `client_id` or the `name`. */
  readonly id: string
  /** Increases with each change. Not used again, also not by an entry that is removed and made again. */
  readonly version: number
  /** The entry as in a configuration file. Its secrets, and their hashes, are sealed. */
  readonly entry: JsonObject
  /** Properties of a client that the whole issuer depends on; undefined: none. */
  readonly needs?: ClientNeeds
  /** 1 for an enabled client. */
  readonly enabled: 0 | 1
  /** The revision that wrote it. The store sets it. */
  readonly revision: number
  readonly created_at: Seconds
  readonly updated_at: Seconds
}

/** Properties of clients that the whole issuer depends on, stored so that they are known without reading the clients. */
export type ClientNeeds = {
  /** Origins of pages that may call the endpoints. */
  readonly origins?: readonly string[]
  /** Signing algorithms besides the defaults. */
  readonly algorithms?: readonly SigningAlgorithm[]
  /** The longest lifetime of its tokens in seconds, if it is longer than a day. */
  readonly lifetime?: Seconds
  /** Its color on the pages: `#rrggbb`. */
  readonly accent_color?: string
  /** Whether it may use the `plain` method of PKCE. */
  readonly plain_pkce?: true
  /** Whether it has the device grant. */
  readonly devices?: true
  /** Its `client_id` if that contains a colon, at which a Basic header could be divided wrongly. */
  readonly colon_id?: string
}

/** Stored clients without their entries. */
export type ClientIndex = {
  /** How many there are. */
  readonly count: number
  readonly rows: readonly ClientRow[]
}

export type ClientRow = {
  readonly id: string
  readonly version: number
  /** Those of an enabled client that has any. */
  readonly needs?: ClientNeeds
}

type Needing = Pick<
  Client,
  | 'client_id'
  | 'allowed_cors_origins'
  | 'access_token_lifetime'
  | 'identity_token_lifetime'
  | 'userinfo_signed_response_alg'
  | 'introspection_signed_response_alg'
  | 'authorization_signed_response_alg'
  | 'allow_plain_pkce'
> & {
  readonly id_token_signed_response_alg?: SigningAlgorithm | undefined
  readonly accent_color?: string | undefined
  readonly grant_types: readonly string[]
}

const day = 86_400

/** Returns what a client needs, from its entry with defaults; undefined if nothing special. */
export function needsOf(client: Needing): ClientNeeds | undefined {
  const algorithms = [
    client.id_token_signed_response_alg,
    client.userinfo_signed_response_alg,
    client.introspection_signed_response_alg,
    client.authorization_signed_response_alg,
  ].filter(alg => alg !== undefined && alg !== 'RS256' && alg !== 'ES256') as readonly SigningAlgorithm[]
  const lifetime = Math.max(client.access_token_lifetime, client.identity_token_lifetime)
  const needs: ClientNeeds = {
    ...(client.allowed_cors_origins.length > 0 && { origins: client.allowed_cors_origins }),
    ...(algorithms.length > 0 && { algorithms: [...new Set(algorithms)] }),
    ...(lifetime > day && { lifetime }),
    ...(client.accent_color !== undefined && { accent_color: client.accent_color }),
    ...(client.allow_plain_pkce && { plain_pkce: true as const }),
    ...(client.grant_types.includes(grantTypes.deviceCode) && { devices: true as const }),
    ...(client.client_id.includes(':') && { colon_id: client.client_id }),
  }
  return Object.keys(needs).length > 0 ? needs : undefined
}
