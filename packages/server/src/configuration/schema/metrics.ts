/** Who may read the server's figures. */

import * as z from '../shape/shapes.ts'
import { rule } from './rule.ts'
import { tokenSecretSchema } from './secret.ts'

/** Characters: what a person thought up is shorter. */
const least = 16

const tokenSchema = tokenSecretSchema.check(
  rule(({ value, argon2id }) => {
    if (argon2id !== undefined)
      return {
        problem: 'an argon2id hash is too slow to be asked every few seconds',
        expected: 'value or sha256',
        fix: 'make a random token, and its hash with: tessera hash-secret',
      }
    return value === undefined || value.length >= least
      ? undefined
      : {
          problem: 'it is short enough to be guessed',
          expected: `${least} characters or more, at random`,
          fix: 'make one with: openssl rand -base64 32',
        }
  }),
)

export const metricsSchema = z
  .strictObject({
    tokens: z
      .array(tokenSchema)
      .min(1)
      .describe('Bearer tokens that open /metrics; several while one is replaced.'),
  })
  .optional()
  .describe('Figures for Prometheus at /metrics; omitted: they are neither kept nor shown.')
