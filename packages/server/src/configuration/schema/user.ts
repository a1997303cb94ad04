/** Users as a configuration writes them. */

import * as z from '../shape/shapes.ts'
import { name, rule, sendable } from './rule.ts'
import { argon2idHash } from './secret.ts'

/** As long as sign-in pages and the password grant read (characters). */
const longestPassword = 512

export const userSchema = z
  .strictObject({
    sub: z
      .string()
      .min(1)
      .max(255)
      .regex(/^[\x20-\x7E]*$/, 'printable ASCII')
      .describe(
        'Unique for the issuer, whatever the tenant: at most 255 ASCII characters (OpenID Connect Core 1.0 §2).',
      ),
    username: z
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
    active: z.boolean().default(true).describe('false: gets no tokens.'),
    claims: z
      .record(z.string(), z.unknown())
      .check(
        rule(claims =>
          z.isJson(claims)
            ? undefined
            : {
                problem: 'a claim is not JSON',
                expected: 'JSON values',
                fix: 'write strings, finite numbers, lists, objects',
              },
        ),
      )
      .default({})
      .describe('Claims by name; values are any JSON.'),
  })
  .describe('A user with a local account.')

export type UserDraft = z.output<typeof userSchema>
