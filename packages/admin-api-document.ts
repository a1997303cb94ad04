/** `npm run api:admin`: writes `docs/reference/admin-api.json`, the OpenAPI document of the admin API. */

import { writeFile } from 'node:fs/promises'
import { openApiDocument } from './server/src/endpoints/admin/openapi.ts'
import { adminOperations, adminSchemas } from './server/src/endpoints/admin/operations.ts'

/** Returns the document as text, for the issuer of the examples. */
export function adminApiDocument(): string {
  const document = openApiDocument({
    operations: adminOperations,
    schemas: adminSchemas,
    issuer: 'https://id.example',
  })
  return `${JSON.stringify(document, null, 1)}\n`
}

if (import.meta.main)
  await writeFile(new URL('../docs/reference/admin-api.json', import.meta.url), adminApiDocument())
