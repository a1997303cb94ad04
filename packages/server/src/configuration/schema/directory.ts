/** LDAP directories as a configuration writes them (RFC 4511, RFC 4513). */

import * as z from '../shape/shapes.ts'
import { rule, seconds } from './rule.ts'

const attribute = () =>
  z
    .string()
    .max(200)
    .regex(/^[A-Za-z][A-Za-z0-9-]*$/, 'the name of an attribute: letters, digits and hyphens')

/** Text with the place of the name in it. */
const template = (example: string) =>
  z
    .string()
    .max(1000)
    .check(
      rule(value =>
        value.includes('{username}') && value !== '{username}'
          ? undefined
          : {
              problem: 'it has no place for the user name, or nothing else',
              expected: `text with {username}, such as ${example}`,
              fix: 'write {username} where the name belongs',
            },
      ),
    )

export const directorySchema = z
  .strictObject({
    url: z
      .string()
      .check(
        rule(value => {
          const url = URL.canParse(value) ? new URL(value) : undefined
          const fits =
            url !== undefined &&
            ['ldap:', 'ldaps:'].includes(url.protocol) &&
            url.hostname !== '' &&
            [url.username, url.password, url.search, url.hash].every(part => part === '') &&
            ['', '/'].includes(url.pathname)
          return fits
            ? undefined
            : {
                problem: 'it is not the address of a directory',
                expected: 'ldaps://HOST or ldaps://HOST:PORT',
                fix: 'write scheme, host and port only; the search base has a key of its own',
              }
        }),
      )
      .describe('ldaps://HOST[:PORT]; ldap:// is upgraded by StartTLS unless tls says otherwise.'),
    tls: z
      .enum(['required', 'none'])
      .default('required')
      .describe('none: passwords cross the network in the clear; for loopback and for testing only.'),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe(
        'PEM certificates that vouch for the server instead of the public ones (relative to this file).',
      ),
    bind_dn: z
      .string()
      .min(1)
      .max(1000)
      .optional()
      .describe('The account that searches for users; omitted: users are bound directly, by user_dn.'),
    bind_password: z.string().min(1).max(1024).optional().describe('The password of bind_dn.'),
    user_dn: template('uid={username},ou=people,dc=example')
      .optional()
      .describe('The DN of a user, with {username} in it: bound directly, without searching first.'),
    base: z.string().max(1000).optional().describe('Where users are searched for, with bind_dn.'),
    filter: template('(uid={username})')
      .default('(uid={username})')
      .describe('Finds a user by name (RFC 4515); {username} is escaped.'),
    scope: z.enum(['one', 'sub']).default('sub').describe('one: right below base; sub: anywhere below it.'),
    id_attribute: attribute()
      .default('entryUUID')
      .describe('What a user is known by for ever: entryUUID, objectGUID, or another that is never reused.'),
    active_filter: z
      .string()
      .max(1000)
      .regex(/^\(.*\)$/s, 'a filter in parentheses (RFC 4515)')
      .optional()
      .describe(
        'Which entries may sign in, such as (!(pwdAccountLockedTime=*)); omitted: all that can bind.',
      ),
    timeout: seconds(1, 60).default(5).describe('Seconds for a whole sign-in.'),
    max_connections: z.int().min(1).max(1000).default(20).describe('Sign-ins under way at once.'),
  })
  .describe('ldap: where the directory is and how users are found in it.')

export type DirectoryDraft = z.output<typeof directorySchema>
