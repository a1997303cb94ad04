/** The audit log. */

import * as s from '../validation/kinds.ts'

const day = 86_400

export const auditSchema = s
  .strictObject({
    enabled: s
      .boolean()
      .default(true)
      .describe("Whether changes by operators, and what happens at people's accounts, are recorded."),
    tokens: s
      .boolean()
      .default(false)
      .describe('Also record each token that is issued, refused or revoked. It costs a row for each.'),
    retention: s
      .int()
      .min(day)
      .max(3660 * day)
      .default(400 * day)
      .describe('Seconds that records are kept. The default is 400 days.'),
  })
  .default({})
  .describe('The audit log, which "tessera audit verify" checks.')
