/** LDAP directories (RFC 4511, RFC 4513). */

import { resolve } from 'node:path'
import { parseDistinguishedName } from '../../model/distinguished-name.ts'
import { type Directory, isGroupsAttribute } from '../../model/user.ts'
import { readRegularFile } from '../../runtime/regular-file.ts'
import * as s from '../validation/kinds.ts'
import { defined, seconds } from './values.ts'

const attribute = () =>
  s
    .string()
    .max(200)
    .regex(/^[A-Za-z][A-Za-z0-9-]*$/, 'the name of an attribute: letters, digits and hyphens')

/** Text that contains a placeholder for the user name. */
const template = (example: string) =>
  s
    .string()
    .max(1000)
    .refine(value => value.includes('{username}') && value !== '{username}', {
      problem: 'it does not contain {username}, or contains nothing else',
      expected: `text with {username}, such as ${example}`,
      fix: 'write {username} in place of the name',
    })

export const directorySchema = s
  .strictObject({
    url: s
      .string()
      .refine(isDirectoryUrl, {
        problem: 'it is not the address of a directory',
        expected: 'ldaps://HOST or ldaps://HOST:PORT',
        fix: 'write scheme, host and port only; the search base has its own key',
      })
      .describe('ldaps://HOST[:PORT], or ldap:// with StartTLS (see tls).'),
    tls: s
      .enum(['required', 'none'])
      .default('required')
      .describe('none: passwords are sent unencrypted; for loopback and testing only.'),
    ca_file: s
      .string()
      .min(1)
      .optional()
      .describe('PEM certificates to trust instead of the public CAs (relative to this file).'),
    bind_dn: s
      .string()
      .min(1)
      .max(1000)
      .optional()
      .describe('The account that searches for users. Omitted: users are bound directly with user_dn.'),
    bind_password: s.secret(s.string().min(1).max(1024)).optional().describe('The password of bind_dn.'),
    user_dn: template('uid={username},ou=people,dc=example')
      .optional()
      .describe("A user's DN with {username}, for binding without a search."),
    base: s.string().max(1000).optional().describe('Where to search for users, with bind_dn.'),
    filter: template('(uid={username})')
      .default('(uid={username})')
      .describe('Finds a user by name (RFC 4515); {username} is escaped.'),
    scope: s
      .enum(['one', 'sub'])
      .default('sub')
      .describe('one: directly below base; sub: the whole subtree.'),
    id_attribute: attribute()
      .default('entryUUID')
      .describe('Permanent identifier of a user: entryUUID, objectGUID, or another that is never reused.'),
    active_filter: s
      .string()
      .max(1000)
      .regex(/^\(.*\)$/s, 'a filter in parentheses (RFC 4515)')
      .optional()
      .describe('Entries that may sign in, such as (!(pwdAccountLockedTime=*)). Omitted: all that can bind.'),
    group_base: s
      .string()
      .min(1)
      .max(1000)
      .refine(value => parseDistinguishedName(value) !== undefined, {
        problem: 'it is not a distinguished name',
        expected: 'a DN (RFC 4514), such as ou=groups,dc=corp,dc=example',
        fix: 'write the DN of the entry that contains the groups',
      })
      .optional()
      .describe('Only groups below this DN count, in claims from memberOf or isMemberOf. Omitted: all.'),
    group_format: s
      .enum(['dn', 'name'])
      .default('dn')
      .describe('name: these claims contain the names of groups, not their DNs. Requires group_base.'),
    timeout: seconds(1, 60).default(5).describe('Seconds for the whole sign-in.'),
    max_connections: s.int().min(1).max(1000).default(20).describe('Concurrent sign-ins.'),
  })
  .describe('ldap: address of the directory, and how to find users.')

function isDirectoryUrl(value: string): boolean {
  const url = URL.parse(value)
  if (url?.protocol !== 'ldaps:' && url?.protocol !== 'ldap:') return false
  const { hostname, username, password, search, hash, pathname } = url
  return hostname !== '' && username + password + search + hash === '' && ['', '/'].includes(pathname)
}

type DirectoryDraft = s.output<typeof directorySchema>

/** Attributes of people in most directories (RFC 4519, RFC 2798). */
const standardAttributes: Readonly<Record<string, string>> = {
  name: 'cn',
  given_name: 'givenName',
  family_name: 'sn',
  preferred_username: 'uid',
  email: 'mail',
  phone_number: 'telephoneNumber',
}

/** RFC 9068 §2.2.3.1 (RFC 7643 §4.1.2): these claims are lists, even for a user with a single value. */
const lists: ReadonlySet<string> = new Set(['groups', 'roles', 'entitlements'])

const listsOf = (claims: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(claims)
    .filter(([claim, attribute]) => lists.has(claim) || isGroupsAttribute(attribute))
    .map(([claim]) => claim)

/**
 * @param from the folder that a relative `ca_file` starts from.
 * @throws Error if `ca_file` has become unreadable since it was checked.
 */
export function directoryOf(
  { ca_file, base = '', ...rest }: DirectoryDraft,
  from: string,
  claims: Readonly<Record<string, string>> = standardAttributes,
  listClaims: readonly string[] = listsOf(claims),
): Directory {
  return defined({
    ...rest,
    base,
    claims,
    list_claims: new Set(listClaims),
    ca: ca_file === undefined ? undefined : certificatesOf(resolve(from, ca_file)),
  })
}

function certificatesOf(file: string): string {
  const reading = readRegularFile(file)
  if (!reading.ok) throw new Error(`ca_file ${file}: ${reading.problem}`)
  return reading.bytes.toString('utf8')
}
