/** An LDAP directory as a credential authority, for the login page and the password grant (RFC 6749 §4.3). */

import type { Directory, IdentityProvider, PasswordAuthority } from '../../model/user.ts'
import { createFairQueue } from '../../runtime/async/fair-queue.ts'
import { networkPath } from '../../runtime/network.ts'
import { type Log, StoreUnavailable } from '../../runtime/ports.ts'
import type { ResolveSubject } from '../external-identity.ts'
import type { DirectoryEntry } from './connection.ts'
import { bindUser } from './directory.ts'
import { attributeOf, claimsOf } from './directory-claims.ts'

export type DirectoryProvider = IdentityProvider & { readonly directory: Directory }

export type DirectoryPorts = { readonly resolveSubject: ResolveSubject; readonly log: Log }

/** Maximum of waiting sign-ins per connection. */
const waitingPerConnection = 10

export function createDirectoryAuthority(
  provider: DirectoryProvider,
  { resolveSubject, log }: DirectoryPorts,
): PasswordAuthority {
  const { directory, name } = provider
  const { max_connections: concurrent } = directory
  const queue = createFairQueue({
    concurrent,
    waiting: concurrent * waitingPerConnection,
    networksOf: networkPath,
    // A sign-in waits at most as long as one that is being checked. Otherwise, if the directory hangs, the delays of
    // all earlier sign-ins would add up.
    longest: directory.timeout * 1000,
  })
  const refused = (reason: string) => {
    log.info('directory_refused', { provider: name, reason })
    return { ok: false } as const
  }

  return {
    async check({ username, password, tenant, from = '' }, isAllowed) {
      const outcome = await queue
        .run(from, () => bindUser(directory, username, password, isAllowed))
        .catch(error => {
          if (error instanceof StoreUnavailable) throw error
          const { code, message } = error as { code?: unknown; message: string }
          log.error('directory_failed', { provider: name, error_code: code, error: message.slice(0, 200) })
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
          provider,
          authority: directory.base || directory.user_dn || directory.url,
          id,
          claims,
          // If linking by address is configured, the addresses in the operator's directory count as verified.
          verified_email: typeof email === 'string' ? email : undefined,
        },
        tenant,
      )
      return local.ok ? { ok: true, sub: local.value.sub, amr: ['pwd'], claims } : refused(local.reason)
    },
  }
}

/** Returns a printable value as it is (entryUUID) and other bytes in hexadecimal (objectGUID); undefined for none or several. */
function idOf(entry: DirectoryEntry, { id_attribute }: Directory): string | undefined {
  const values = [attributeOf(entry, id_attribute)].flat()
  const [value] = values
  if (values.length !== 1 || !value || value.length === 0) return undefined
  if (typeof value === 'string') return value
  const text = value.toString('latin1')
  return /^[\x21-\x7E]{1,255}$/.test(text) ? text : value.toString('hex')
}
