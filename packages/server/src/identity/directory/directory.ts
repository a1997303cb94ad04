/** Checks a password against an LDAP directory: finds the user, then binds as that user (RFC 4511 §4.2, RFC 4513 §5.1). */

import type { Client } from 'ldapts'
import type { Directory, IsGuessAllowed } from '../../model/user.ts'
import { guessedName } from '../password-guesses.ts'
import { type DirectoryEntry, withConnection } from './connection.ts'
import { bindNameFor, filterFor, parseFilter } from './filter.ts'

/** The entry of a user whose password is correct, or a reason for the log. */
type BindOutcome =
  | { readonly ok: true; readonly entry: DirectoryEntry }
  | { readonly ok: false; readonly reason: BindFailure }

type BindFailure =
  | 'directory_password_empty'
  | 'directory_name_unfit'
  | 'directory_user_unknown'
  | 'directory_user_ambiguous'
  | 'directory_user_limited'
  | 'directory_bind_refused'
  | 'directory_user_inactive'

/** Rejects if the directory is unreachable, its certificate is invalid, or it refuses the configured account. */
export async function bindUser(
  directory: Directory,
  username: string,
  password: string,
  isAllowed: IsGuessAllowed = async () => true,
): Promise<BindOutcome> {
  // RFC 4513 §5.1.2: a bind with a name and an empty password succeeds, but authenticates no one.
  if (password === '') return refused('directory_password_empty')
  // A lone surrogate has no UTF-8 encoding and would be replaced by another character.
  if (!username.isWellFormed()) return refused('directory_name_unfit')
  const name = directory.user_dn === undefined ? undefined : bindNameFor(directory.user_dn, username)
  if (directory.user_dn !== undefined && name === undefined) return refused('directory_name_unfit')
  return withConnection(directory, client =>
    name === undefined
      ? searchAndBind(client, directory, username, password, isAllowed)
      : bindDirectly(client, directory, name, username, password),
  )
}

async function searchAndBind(
  client: Client,
  directory: Directory,
  username: string,
  password: string,
  isAllowed: IsGuessAllowed,
): Promise<BindOutcome> {
  await client.bind(directory.bind_dn!, directory.bind_password!)
  const found = await search(client, directory, directory.base, username)
  const [entry] = found
  const user = entry && found.length === 1 ? `entry ${entry.dn.toLowerCase()}` : `name ${plainName(username)}`
  if (!(await isAllowed(user))) return refused('directory_user_limited')
  if (!entry || found.length > 1) {
    // Does the same work as for a known name, so that response times don't reveal which names exist.
    await bound(client, `cn=nobody,${directory.base}`, password)
    return refused(entry ? 'directory_user_ambiguous' : 'directory_user_unknown')
  }
  if (!(await bound(client, entry.dn, password))) return refused('directory_bind_refused')
  return { ok: true, entry }
}

async function bindDirectly(
  client: Client,
  directory: Directory,
  name: string,
  username: string,
  password: string,
): Promise<BindOutcome> {
  if (!(await bound(client, name, password))) return refused('directory_bind_refused')
  const found =
    directory.base === ''
      ? await search(client, { ...directory, scope: 'base', filter: '(objectClass=*)' }, name, username)
      : await search(client, directory, directory.base, username)
  const [entry] = found
  // The password is correct, but the filters exclude the entry.
  if (!entry) return refused('directory_user_inactive')
  return found.length > 1 ? refused('directory_user_ambiguous') : { ok: true, entry }
}

/** Returns at most two entries; a second one means that the filter is ambiguous. */
async function search(
  client: Client,
  directory: Omit<Directory, 'scope'> & { readonly scope: 'base' | 'one' | 'sub' },
  base: string,
  username: string,
): Promise<readonly DirectoryEntry[]> {
  const { active_filter, scope, timeout, id_attribute, claims } = directory
  const user = filterFor(directory.filter, username)
  const { searchEntries } = await client.search(base, {
    scope,
    derefAliases: 'never',
    sizeLimit: 2,
    timeLimit: timeout,
    filter: await parseFilter(active_filter === undefined ? user : `(&${user}${active_filter})`),
    attributes: [...new Set([id_attribute, ...Object.values(claims)])],
    explicitBufferAttributes: [id_attribute],
  })
  return searchEntries
}

/** Result codes (RFC 4511 §A.1) that refuse a user: wrong password, locked, expired, no such entry. */
const refusals: ReadonlySet<unknown> = new Set([19, 32, 34, 48, 49, 50, 53])

/** Returns whether the directory accepts this name and password. */
async function bound(client: Client, name: string, password: string): Promise<boolean> {
  // RFC 4513 §5.1.1: a bind without a name is anonymous and succeeds.
  if (name === '') return false
  try {
    await client.bind(name, password)
    return true
  } catch (error) {
    if (refusals.has((error as { code?: unknown }).code)) return false
    throw error
  }
}

/** Counts unknown names too, so that response times don't reveal which names exist. */
const plainName = (username: string): string => guessedName({ idp: '', username })

const refused = (reason: BindFailure): BindOutcome => ({ ok: false, reason })
