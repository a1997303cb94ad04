/** Tenants as a configuration writes them; one with an issuer of its own is almost a configuration of its own. */

import { issuerFault } from '../issuer.ts'
import * as z from '../shape/shapes.ts'
import { name, rule, text, type ValueFault } from './rule.ts'

/**
 * Whose a key of the configuration is to a tenant with an issuer of its own. `server`: of the whole server only;
 * `inherited`: the tenant's where its entry has it, else the server's; `own`: the tenant's alone. Whatever lets somebody
 * in is `own`, so that nothing opens two issuers by being left out.
 */
export type KeyOwner = 'server' | 'inherited' | 'own'

type TenantKey<Owners> = {
  [Key in keyof Owners]: Owners[Key] extends 'server' ? never : Key
}[keyof Owners]

/** A field without its default: in a tenant's entry, leaving it out means another thing. */
type Bare<Field extends z.AnyShape> = Field extends z.Default<infer Inner> | z.Optional<infer Inner>
  ? Inner
  : Field

/** The schema of a tenant's entry: its name, its issuer, and every key that can be a tenant's. */
export function tenantSchemaOf<
  Shape extends Readonly<Record<string, z.AnyShape>>,
  Owners extends Readonly<Record<keyof Shape, KeyOwner>>,
>(shape: Shape, owners: Owners) {
  const keys = Object.keys(shape).filter(key => owners[key] !== 'server')
  const fields = Object.fromEntries(keys.map(key => [key, optional(shape[key]!)]))
  return z
    .strictObject({
      name: name().describe('What acr_values=tenant:NAME, or the path, calls it.'),
      display_name: text().optional().describe('Its name for people.'),
      issuer: z
        .string()
        .check(rule(tenantIssuerFault))
        .optional()
        .describe(
          'An issuer of its own: "path" (ISSUER/t/NAME) or its origin, such as https://id.acme.example; omitted: it shares the server\'s.',
        ),
      ...(fields as {
        [Key in TenantKey<Owners> & keyof Shape]: z.Optional<Bare<Shape[Key]>>
      }),
    })
    .describe('A tenant: a room of its own for user names or, with an issuer of its own, for everything.')
}

function optional(field: z.AnyShape): z.AnyShape {
  const wrapped = field as z.Shape<unknown> & { unwrap?: () => z.Shape<unknown> }
  const bare = (wrapped.unwrap?.() ?? wrapped).optional()
  return field.description === undefined ? bare : bare.describe(field.description)
}

function tenantIssuerFault(value: string): ValueFault | undefined {
  if (value === 'path') return undefined
  const fault = issuerFault(value)
  if (fault) return { ...fault, expected: '"path", or the tenant\'s origin: https://HOST' }
  return new URL(value).origin === value
    ? undefined
    : {
        problem: 'it is not an origin',
        expected: '"path", or the tenant\'s origin: https://HOST in small letters, without a path',
        fix: `write "${new URL(value).origin}", or "path"`,
      }
}
