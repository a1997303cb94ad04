/** The JSON Schema of configuration files, so that editors complete and check them (`docs/configuration.schema.json`). */

import type { JsonObject } from '@tessera/protocol/result'
import { dataSchema, keyOwners } from './schema/whole.ts'

type Node = { properties: Record<string, Node>; items: Node; $ref?: string }

/** Draft 7, since that is what editors know best. */
export function configurationJsonSchema(): JsonObject {
  const schema: JsonObject = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Tessera configuration',
    ...dataSchema.jsonSchema(),
  }
  const tenant = (schema as Node).properties.tenants!.items
  // A tenant's key has the schema of the server's: said once.
  for (const [key, owner] of Object.entries(keyOwners))
    if (owner !== 'server' && key in tenant.properties)
      tenant.properties[key] = { $ref: `#/properties/${key}` } as Node
  return schema as JsonObject
}
