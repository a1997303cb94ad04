/** Accounts that users look after themselves, and the mail that goes to them. */

import type { AccountSettings } from '../../model/account.ts'
import * as z from '../shape/shapes.ts'
import { rule } from './rule.ts'

const policySchema = z
  .strictObject({
    min_length: z
      .int()
      .min(8)
      .max(64)
      .default(12)
      .describe(
        'Characters that a password has at least (NIST SP 800-63B-4 asks for 15 where nothing else does).',
      ),
  })
  .prefault({})

export const accountsSchema = z
  .strictObject({
    sign_up: z
      .boolean()
      .default(false)
      .describe('Whether people may make an account for themselves; in a tenant, what its own entry says.'),
    email_verification: z
      .enum(['required', 'optional', 'off'])
      .default('required')
      .describe(
        'required: an account is called by its address and comes to be once that is verified; else users choose a name.',
      ),
    password_reset: z
      .boolean()
      .default(true)
      .describe('Whether who forgot a password is sent a link, at an address that was verified.'),
    password_policy: policySchema.describe('Which passwords may be chosen.'),
    self_deletion: z
      .boolean()
      .default(false)
      .describe('Whether users may delete their account, with all that belongs to it, at the account page.'),
    change_ends: z
      .enum(['everything', 'sessions'])
      .default('everything')
      .describe(
        'What falls when a password changes or a user is disabled: sessions and all tokens, or sessions only.',
      ),
  })
  .optional()
  .describe('Users who are kept in the store; omitted: only those of the configuration.')

const address = () =>
  z
    .string()
    .min(3)
    .max(320)
    .check(
      rule(value =>
        /^([^<>\r\n]* <)?[^\s@<>]+@[^\s@<>]+>?$/.test(value)
          ? undefined
          : {
              problem: 'it is not an address',
              expected: 'login@example.com, or Name <login@example.com>',
              fix: 'write the address that mail comes from',
            },
      ),
    )

export const mailSchema = z
  .strictObject({
    from: address().describe('Whom mail to users comes from.'),
    smtp: z
      .strictObject({
        host: z.string().min(1).max(255).describe('Who takes mail for delivery.'),
        port: z.int().min(1).max(65_535).default(587),
        secure: z
          .boolean()
          .default(false)
          .describe('TLS from the start (port 465); false: STARTTLS, which is required but on loopback.'),
        username: z.string().min(1).max(255).optional(),
        password: z.string().min(1).max(1024).optional().describe('Or TESSERA_SMTP_PASSWORD.'),
      })
      .describe('The submission server (RFC 6409).'),
  })
  .optional()
  .describe('Mail to users; omitted on a loopback issuer: it is printed and shown at /dev/mail.')

export const accountSettings = (draft: z.output<typeof accountsSchema>): AccountSettings => {
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
