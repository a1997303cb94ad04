/** The JSON Schema of configuration files, so that editors complete and check them (`docs/configuration.schema.json`). */

import type { JsonObject } from '@tessera/protocol/result'
import { z } from 'zod'
import { dataSchema, keyOwners } from './schema/whole.ts'

type Node = { properties: Record<string, Node>; items: Node; $ref?: string }

/** Draft 7, since that is what editors know best. */
export function configurationJsonSchema(): JsonObject {
  const schema = JSON.parse(JSON.stringify(z.toJSONSchema(dataSchema, { io: 'input', target: 'draft-7' })))
  const tenant = (schema as Node).properties.tenants!.items
  // A tenant's key has the schema of the server's: said once.
  for (const [key, owner] of Object.entries(keyOwners))
    if (owner !== 'server' && key in tenant.properties)
      tenant.properties[key] = { $ref: `#/properties/${key}` } as Node
  return schema as JsonObject
}
