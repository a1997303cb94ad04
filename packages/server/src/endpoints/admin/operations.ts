/** Every operation of the admin API, and the schemas of its responses. */

import type { AnySchema } from '../../configuration/validation/schema.ts'
import { auditOperations, auditSchemas } from './audit.ts'
import { clientBlockOperations, clientBlockSchemas } from './client-blocks.ts'
import { entryOperations, entrySchemas } from './entry-operations.ts'
import { globalRevocationOperations } from './global-revocation.ts'
import { keyOperations, keySchemas } from './keys.ts'
import type { Descriptions } from './operation.ts'
import { userOperations, userSchemas } from './user-operations.ts'

export const adminOperations = {
  ...entryOperations,
  ...clientBlockOperations,
  ...userOperations,
  ...globalRevocationOperations,
  ...keyOperations,
  ...auditOperations,
} as const satisfies Descriptions

export const adminSchemas: Readonly<Record<string, AnySchema>> = {
  ...entrySchemas,
  ...clientBlockSchemas,
  ...userSchemas,
  ...keySchemas,
  ...auditSchemas,
}
