/** The JSON Schema of configuration files, so that editors complete and check them (`docs/configuration.schema.json`). */

import type { JsonObject } from '@tessera/protocol/result'
import { z } from 'zod'
import { dataSchema } from './schema/whole.ts'

/** Draft 7, since that is what editors know best. */
export const configurationJsonSchema = (): JsonObject =>
  JSON.parse(JSON.stringify(z.toJSONSchema(dataSchema, { io: 'input', target: 'draft-7' }))) as JsonObject
