/** Configured users, self-service accounts, and mail to users. */

import type { JsonObject } from '@tessera/protocol/result'
import type { AccountSettings } from '../../model/account.ts'
import { withMemberships } from '../../model/membership.ts'
import type { ConfiguredUser } from '../../model/user.ts'
import * as s from '../validation/kinds.ts'
import { argon2idHash, passwordHash } from './credentials.ts'
import { membershipNames, name, sendable } from './values.ts'

/** Maximum number of characters that sign-in pages and the password grant accept. */
const longestPassword = 512

export const userSchema = s
  .strictObject({
    sub: s
      .string()
      .min(1)
      .max(255)
      .regex(/^[\x20-\x7E]*$/, 'printable ASCII')
      .describe(
        'Unique for the issuer, in all tenants: at most 255 ASCII characters (OpenID Connect Core 1.0 §2).',
      ),
    username: s
      .string()
      .min(1)
      .max(200)
      .describe('Unique within the tenant. Case, composition of letters and surrounding spaces are ignored.'),
    password: s
      .secret(sendable(longestPassword))
      .optional()
      .describe('Password in plain text; kept in memory only.'),
    password_argon2id: s
      .secret(argon2idHash())
      .optional()
      .describe('argon2id hash of the password in PHC format, instead of password.'),
    password_hash: s
      .secret(passwordHash())
      .optional()
      .describe(
        'Hash of the password from another server, in one of the documented formats, instead of password.',
      ),
    tenant: name().optional().describe("The user's tenant. Omitted: none."),
    active: s.boolean().default(true).describe('false: the user gets no tokens.'),
    claims: s
      .record(s.string(), s.unknown())
      .refine(claims => s.isJson(claims), {
        problem: 'a claim is not JSON',
        expected: 'JSON values',
        fix: 'write strings, finite numbers, lists, objects',
      })
      .default({})
      .describe('Claims by name; values are any JSON.'),
    groups: membershipNames().optional().describe('Groups of the user, which become the claim groups.'),
    roles: membershipNames().optional().describe('Roles of the user, which become the claim roles.'),
  })
  .describe('A user with a local account.')

export type UserDraft = s.output<typeof userSchema>

export function userOf({
  password,
  password_argon2id,
  password_hash,
  claims,
  groups,
  roles,
  ...user
}: UserDraft): ConfiguredUser {
  const whole = { ...user, claims: withMemberships(claims as JsonObject, { groups, roles }) }
  const encoded = password_hash ?? password_argon2id
  if (encoded !== undefined) return { ...whole, password: { kind: 'hash', encoded } }
  return password === undefined ? whole : { ...whole, password: { kind: 'plain', value: password } }
}

const policySchema = s
  .strictObject({
    min_length: s
      .int()
      .min(8)
      .max(64)
      .default(12)
      .describe(
        'Minimum length of a password in characters (NIST SP 800-63B-4 requires 15 if the password is the only factor).',
      ),
  })
  .default({})

export const accountsSchema = s
  .strictObject({
    sign_up: s
      .boolean()
      .default(false)
      .describe('Whether people can create an account. Each tenant has its own setting.'),
    email_verification: s
      .enum(['required', 'optional', 'off'])
      .default('required')
      .describe(
        'required: the user name is the address, and the account is created when the address is verified. Otherwise users choose a name.',
      ),
    password_reset: s
      .boolean()
      .default(true)
      .describe(
        'Whether users can reset a forgotten password by a link, sent to their verified email address.',
      ),
    password_policy: policySchema.describe('Requirements for new passwords.'),
    self_deletion: s
      .boolean()
      .default(false)
      .describe('Whether users can delete their account, with all its data, on the account page.'),
    change_ends: s
      .enum(['everything', 'sessions'])
      .default('everything')
      .describe(
        'What is revoked when a password changes or a user is disabled: sessions and all tokens, or only sessions.',
      ),
  })
  .optional()
  .describe(
    'What stored users may change themselves: sign-up, password reset, deletion. Omitted: nothing; those that are stored still sign in.',
  )

const address = () =>
  s
    .string()
    .min(3)
    .max(320)
    .refine(value => /^([^<>\r\n]* <)?[^\s@<>]+@[^\s@<>]+>?$/.test(value), {
      problem: 'it is not an email address',
      expected: 'login@example.com, or Name <login@example.com>',
      fix: 'write the sender address',
    })

export const mailSchema = s
  .strictObject({
    from: address().describe('The sender of mail to users.'),
    smtp: s
      .strictObject({
        host: s.string().min(1).max(255).describe('The host of the server.'),
        port: s.int().min(1).max(65_535).default(587),
        secure: s
          .boolean()
          .default(false)
          .describe(
            'true: TLS from the start (port 465). false: STARTTLS, which is required except on loopback.',
          ),
        username: s.string().min(1).max(255).optional(),
        password: s
          .secret(s.string().min(1).max(1024))
          .optional()
          .describe('The password. Alternative: TESSERA_SMTP_PASSWORD.'),
      })
      .describe('The submission server (RFC 6409).'),
  })
  .optional()
  .describe('Mail to users. Omitted on a loopback issuer: mail is printed and shown at /dev/mail.')

export const accountsOf = (draft: s.output<typeof accountsSchema>): AccountSettings => {
  const settings = draft ?? accountsSchema.unwrap().parse({})
  return {
    stored: draft !== undefined,
    signUp: settings.sign_up,
    emailVerification: settings.email_verification,
    passwordReset: settings.password_reset && draft !== undefined,
    passwordPolicy: settings.password_policy,
    selfDeletion: settings.self_deletion,
    changeEnds: settings.change_ends,
  }
}
