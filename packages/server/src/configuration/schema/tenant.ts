/** Tenants. The entry of a tenant with its own issuer is almost a complete configuration. */

import { issuerError } from '../issuer.ts'
import * as s from '../validation/kinds.ts'
import { name, text } from './values.ts'

/**
 * Who owns a key in the configuration of a tenant that has its own issuer. `server`: the key belongs to the whole
 * server. `inherited`: the tenant's value, or else the server's. `own`: the tenant's value only. Keys that grant access
 * are `own`, so that omitting one never grants access to a second issuer.
 */
export type KeyOwner = 'server' | 'inherited' | 'own'

type TenantKey<Owners> = {
  [Key in keyof Owners]: Owners[Key] extends 'server' ? never : Key
}[keyof Owners]

/** A field without its default, because omitting a key means something else in a tenant's entry. */
type Bare<Field extends s.AnySchema> = Field extends s.Default<infer Inner> | s.Optional<infer Inner>
  ? Inner
  : Field

/** Returns the schema of a tenant's entry: its name, its issuer, and every key that a tenant can have. */
export function tenantSchemaOf<
  Fields extends Readonly<Record<string, s.AnySchema>>,
  Owners extends Readonly<Record<keyof Fields, KeyOwner>>,
>(settings: Fields, owners: Owners) {
  const keys = Object.keys(settings).filter(key => owners[key] !== 'server')
  const fields = Object.fromEntries(keys.map(key => [key, optional(settings[key]!)]))
  return s
    .strictObject({
      name: name().describe('The name in acr_values=tenant:NAME or in the path.'),
      display_name: text().optional().describe('Display name.'),
      issuer: s
        .string()
        .check(tenantIssuerError)
        .optional()
        .describe(
          'A separate issuer: "path" for ISSUER/t/NAME, or an origin such as https://id.acme.example. Omitted: the tenant shares the server\'s.',
        ),
      ...(fields as { [Key in TenantKey<Owners> & keyof Fields]: s.Optional<Bare<Fields[Key]>> }),
    })
    .describe('A tenant: a separate set of user names or, with its own issuer, a separate set of everything.')
}

function optional(field: s.AnySchema): s.AnySchema {
  const wrapped = field as s.Schema<unknown> & { unwrap?: () => s.Schema<unknown> }
  const bare = (wrapped.unwrap?.() ?? wrapped).optional()
  return field.description === undefined ? bare : bare.describe(field.description)
}

function tenantIssuerError(value: string): s.CheckError | undefined {
  if (value === 'path') return undefined
  const error = issuerError(value)
  if (error) return { ...error, expected: '"path", or the tenant\'s origin: https://HOST' }
  const { origin } = new URL(value)
  return origin === value
    ? undefined
    : {
        problem: 'it is not an origin',
        expected: '"path", or the tenant\'s origin: https://HOST in lower case, without a path',
        fix: `write "${origin}", or "path"`,
      }
}
