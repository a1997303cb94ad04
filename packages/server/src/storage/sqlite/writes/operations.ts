/** All write operations, by the names that the main thread sends to the writer thread. */

import { auditWrites } from './audit.ts'
import { authorizationWrites } from './authorizations.ts'
import { cleanUpWrites } from './clean-up.ts'
import { commitWrites } from './commit.ts'
import { entryWrites } from './entries.ts'
import { federationWrites } from './federation.ts'
import { installationWrites } from './installation.ts'
import { personWrites } from './persons.ts'
import { sessionWrites } from './sessions.ts'
import { storedUserWrites } from './stored-users.ts'
import { userWrites } from './users.ts'
import { webhookWrites } from './webhooks.ts'

export const operations = {
  ...commitWrites,
  ...authorizationWrites,
  ...sessionWrites,
  ...storedUserWrites,
  ...userWrites,
  ...federationWrites,
  ...installationWrites,
  ...entryWrites,
  ...personWrites,
  ...webhookWrites,
  ...auditWrites,
  ...cleanUpWrites,
}

export type OperationName = keyof typeof operations

export const operationNames = Object.keys(operations) as readonly OperationName[]
