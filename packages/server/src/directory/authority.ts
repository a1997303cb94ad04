/** A directory as a credential authority: for the login page and for the password grant (RFC 6749 §4.3). */

import type { JsonObject } from '@tessera/protocol/result'
import { createFairQueue, QueueFull } from '../core/fair-queue.ts'
import type { Log } from '../core/runtime.ts'
import type { CredentialAuthority, Directory, IdentityProvider } from '../core/user.ts'
import { mapClaims } from '../identity/external-claims.ts'
import type { ResolveSubject } from '../identity/external-identity.ts'
import { networkPath } from '../identity/network.ts'
import type { DirectoryEntry } from './connection.ts'
import { bindUser } from './directory.ts'

export type DirectoryProvider = IdentityProvider & { readonly directory: Directory }

export type DirectoryPorts = { readonly resolveSubject: ResolveSubject; readonly log: Log }

/** How many may wait for each connection. */
const patience = 10

export function createDirectoryAuthority(
  provider: DirectoryProvider,
  { resolveSubject, log }: DirectoryPorts,
): CredentialAuthority {
  const { directory, name } = provider
  const { max_connections: concurrent } = directory
  const queue = createFairQueue({ concurrent, waiting: concurrent * patience, networksOf: networkPath })
  const refused = (reason: string) => {
    log.info('directory_refused', { provider: name, reason })
    return { ok: false } as const
  }

  return {
    async check({ username, password, tenant, from = '' }) {
      const outcome = await queue
        .run(from, () => bindUser(directory, username, password))
        .catch(error => {
          if (error instanceof QueueFull) throw error
          const { code, message } = error as { code?: unknown; message: string }
          log.error('directory_failed', { provider: name, code, error: message.slice(0, 200) })
          return undefined
        })
      if (!outcome) return { ok: false, unavailable: true }
      if (!outcome.ok) return refused(outcome.reason)
      const id = idOf(outcome.entry, directory)
      if (id === undefined) return refused('directory_entry_without_id')
      const claims = claimsOf(outcome.entry, directory)
      if (!claims) return refused('directory_claims_too_large')
      const { email } = claims
      const local = await resolveSubject(
        {
          ...{ provider, authority: directory.base || directory.user_dn || directory.url, id, claims },
          // The operator's own directory vouches for what stands in it, where linking by it is configured.
          ...(typeof email === 'string' && { verified_email: email }),
        },
        tenant,
      )
      return local.ok ? { ok: true, sub: local.value.sub, amr: ['pwd'], claims } : refused(local.reason)
    },
  }
}

/** Printable text as it is (entryUUID), any other bytes in hexadecimal (objectGUID); undefined for none or several. */
function idOf(entry: DirectoryEntry, { id_attribute }: Directory): string | undefined {
  const values = [attributeOf(entry, id_attribute)].flat()
  const [value] = values
  if (values.length !== 1 || !value || value.length === 0) return undefined
  if (typeof value === 'string') return value
  const text = value.toString('latin1')
  return /^[\x21-\x7E]{1,255}$/.test(text) ? text : value.toString('hex')
}

/** Claims that are one text, whatever a directory has (OpenID Connect Core 1.0 §5.1). */
const single: ReadonlySet<string> = new Set([
  ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile'],
  ...['picture', 'website', 'email', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number'],
])

function claimsOf(entry: DirectoryEntry, directory: Directory): JsonObject | undefined {
  const theirs = Object.fromEntries(
    Object.entries(directory.claims).map(([claim, attribute]) => {
      const values = [attributeOf(entry, attribute) ?? []].flat().map(String)
      return [claim, single.has(claim) || values.length < 2 ? values[0] : values]
    }),
  )
  return mapClaims(Object.fromEntries(Object.keys(theirs).map(claim => [claim, claim])), theirs)
}

/** Names of attributes have no case (RFC 4512 §2.5). */
function attributeOf(entry: DirectoryEntry, attribute: string): DirectoryEntry[string] | undefined {
  const name = Object.keys(entry).find(key => key.toLowerCase() === attribute.toLowerCase())
  const value = name === undefined ? undefined : entry[name]
  return Array.isArray(value) && value.length === 0 ? undefined : value
}
