/** Names the schemas of issuers. */

import { createHash } from 'node:crypto'

/** The schema of the server's own issuer, which also lists the tenants that have one. */
export const mainSchema = 'tessera'

/**
 * Returns a tenant's schema. PostgreSQL truncates identifiers to 63 bytes, so long names are hashed to keep them
 * distinct.
 */
export function schemaOf(tenant: string | undefined): string {
  if (tenant === undefined) return mainSchema
  const readable = `${mainSchema}_${tenant}`
  if (Buffer.byteLength(readable) <= 63) return readable
  return `${mainSchema}.${createHash('sha256').update(tenant).digest('hex').slice(0, 40)}`
}
