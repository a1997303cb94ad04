/** The admin API. */

import * as s from '../validation/kinds.ts'

export const adminApiSchema = s
  .strictObject({
    enabled: s.boolean().default(false).describe('Whether /admin/api/v1 is served, and its scopes exist.'),
  })
  .default({})
  .describe('The HTTP API for operators.')
