/** Writes `acr_values` with the prefixes `idp:` and `tenant:` (OpenID Connect Core 1.0 §3.1.2.1). */

export type AcrValuesInput = {
  /** The identity provider at which the user signs in: sent as `idp:NAME`. */
  readonly idp?: string | undefined
  /** The tenant that the user belongs to: sent as `tenant:NAME`. */
  readonly tenant?: string | undefined
  /** Authentication context class references, the preferred one first. */
  readonly acr?: readonly string[] | undefined
}

/**
 * Returns a value of the `acr_values` parameter. Tessera and IdentityServer understand `idp:` and `tenant:`; other
 * servers treat them as unknown classes. Throws a `TypeError` for a name that is empty or contains white space, because
 * the value is a list separated by spaces.
 */
export function acrValues({ idp, tenant, acr = [] }: AcrValuesInput): string {
  const values = [
    ...(idp === undefined ? [] : [`idp:${checked(idp)}`]),
    ...(tenant === undefined ? [] : [`tenant:${checked(tenant)}`]),
    ...acr.map(checked),
  ]
  return values.join(' ')
}

function checked(name: string): string {
  if (name === '' || /\s/.test(name))
    throw new TypeError(`acr_values: ${JSON.stringify(name)} must be a name without white space`)
  return name
}
