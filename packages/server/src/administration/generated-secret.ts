/** Secrets that the server generates for clients and APIs, and the end of the earlier ones. */

import { createHash } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import type { EntryKind } from '../model/entry.ts'
import { newClientCredential } from '../model/handle.ts'
import type { Random } from '../runtime/ports.ts'

/** The key of the list that contains the secrets. */
export const secretLists: Readonly<Partial<Record<EntryKind, string>>> = {
  clients: 'client_secrets',
  api_resources: 'api_secrets',
}

/** Adds a new secret to the entry, and returns both. */
export function withSecret(
  kind: EntryKind,
  entry: JsonObject,
  random: Random,
): { readonly entry: JsonObject; readonly secret?: string } {
  const list = secretLists[kind]
  if (list === undefined) return { entry }
  const secret = newClientCredential(random, 'tcs')
  const hash = createHash('sha256').update(secret, 'utf8').digest('base64')
  const before = entry[list]
  return {
    entry: { ...entry, [list]: [...(Array.isArray(before) ? before : []), { sha256: hash }] },
    secret,
  }
}

/** Returns the secrets with this end, unless they expire earlier, and without those that have expired. */
export function expiring(list: unknown, end: Seconds): readonly JsonObject[] {
  const secrets = Array.isArray(list) ? (list as readonly JsonObject[]) : []
  return secrets.map(secret => {
    const before = typeof secret.expires_at === 'string' ? Date.parse(secret.expires_at) / 1000 : undefined
    return before !== undefined && before <= end
      ? secret
      : { ...secret, expires_at: new Date(end * 1000).toISOString().replace('.000Z', 'Z') }
  })
}
