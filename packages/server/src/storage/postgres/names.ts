/** What the schemas of issuers are called. */

import { createHash } from 'node:crypto'

/** Of the server's own issuer; it also holds which tenants have one. */
export const mainSchema = 'tessera'

/** An identifier of PostgreSQL has 63 bytes at most; what is longer would be cut, and two become one. */
export function schemaOf(tenant: string | undefined): string {
  if (tenant === undefined) return mainSchema
  const readable = `${mainSchema}_${tenant}`
  if (Buffer.byteLength(readable) <= 63) return readable
  return `${mainSchema}.${createHash('sha256').update(tenant).digest('hex').slice(0, 40)}`
}
