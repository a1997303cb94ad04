/** Users of the configuration, accounts that users manage themselves, and the mail sent to them. */

import type { JsonObject } from '@tessera/protocol/result'
import type { AccountSettings } from '../../model/account.ts'
import type { ConfiguredUser } from '../../model/user.ts'
import * as s from '../validation/kinds.ts'
import { argon2idHash } from './credentials.ts'
import { name, sendable } from './values.ts'

/** Characters that sign-in pages and the password grant read. */
const longestPassword = 512

export const userSchema = s
  .strictObject({
    sub: s
      .string()
      .min(1)
      .max(255)
      .regex(/^[\x20-\x7E]*$/, 'printable ASCII')
      .describe(
        'Unique for the issuer, whatever the tenant: at most 255 ASCII characters (OpenID Connect Core 1.0 §2).',
      ),
    username: s
      .string()
      .min(1)
      .max(200)
      .describe(
        'Unique within the tenant; compared without regard to case, composition of letters and spaces around it.',
      ),
    password: sendable(longestPassword).optional().describe('As it is; kept in memory only.'),
    password_argon2id: argon2idHash()
      .optional()
      .describe('Instead of password: its argon2id hash in PHC form.'),
    tenant: name().optional().describe('The tenant that the user belongs to; omitted: none.'),
    active: s.boolean().default(true).describe('false: gets no tokens.'),
    claims: s
      .record(s.string(), s.unknown())
      .refine(claims => s.isJson(claims), {
        problem: 'a claim is not JSON',
        expected: 'JSON values',
        fix: 'write strings, finite numbers, lists, objects',
      })
      .default({})
      .describe('Claims by name; values are any JSON.'),
  })
  .describe('A user with a local account.')

export type UserDraft = s.output<typeof userSchema>

export function userOf({ password, password_argon2id, claims, ...user }: UserDraft): ConfiguredUser {
  const whole = { ...user, claims: claims as JsonObject }
  if (password_argon2id !== undefined)
    return { ...whole, password: { kind: 'argon2id', encoded: password_argon2id } }
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
        'Characters that a password has at least (NIST SP 800-63B-4 asks for 15 where nothing else does).',
      ),
  })
  .default({})

export const accountsSchema = s
  .strictObject({
    sign_up: s
      .boolean()
      .default(false)
      .describe('Whether people may make an account for themselves; in a tenant, what its own entry says.'),
    email_verification: s
      .enum(['required', 'optional', 'off'])
      .default('required')
      .describe(
        'required: an account is called by its address and comes to be once that is verified; else users choose a name.',
      ),
    password_reset: s
      .boolean()
      .default(true)
      .describe('Whether who forgot a password is sent a link, at an address that was verified.'),
    password_policy: policySchema.describe('Which passwords may be chosen.'),
    self_deletion: s
      .boolean()
      .default(false)
      .describe('Whether users may delete their account, with all that belongs to it, at the account page.'),
    change_ends: s
      .enum(['everything', 'sessions'])
      .default('everything')
      .describe(
        'What falls when a password changes or a user is disabled: sessions and all tokens, or sessions only.',
      ),
  })
  .optional()
  .describe('Users who are kept in the store; omitted: only those of the configuration.')

const address = () =>
  s
    .string()
    .min(3)
    .max(320)
    .refine(value => /^([^<>\r\n]* <)?[^\s@<>]+@[^\s@<>]+>?$/.test(value), {
      problem: 'it is not an address',
      expected: 'login@example.com, or Name <login@example.com>',
      fix: 'write the address that mail comes from',
    })

export const mailSchema = s
  .strictObject({
    from: address().describe('Whom mail to users comes from.'),
    smtp: s
      .strictObject({
        host: s.string().min(1).max(255).describe('Who takes mail for delivery.'),
        port: s.int().min(1).max(65_535).default(587),
        secure: s
          .boolean()
          .default(false)
          .describe('TLS from the start (port 465); false: STARTTLS, which is required but on loopback.'),
        username: s.string().min(1).max(255).optional(),
        password: s.string().min(1).max(1024).optional().describe('Or TESSERA_SMTP_PASSWORD.'),
      })
      .describe('The submission server (RFC 6409).'),
  })
  .optional()
  .describe('Mail to users; omitted on a loopback issuer: it is printed and shown at /dev/mail.')

export const accountsOf = (draft: s.output<typeof accountsSchema>): AccountSettings => {
  const settings = draft ?? accountsSchema.unwrap().parse({})
  return {
    kept: draft !== undefined,
    signUp: settings.sign_up,
    emailVerification: settings.email_verification,
    passwordReset: settings.password_reset && draft !== undefined,
    passwordPolicy: settings.password_policy,
    selfDeletion: settings.self_deletion,
    changeEnds: settings.change_ends,
  }
}
