/** `acr_values` (OpenID Connect Core 1.0 §3.1.2.1) with the prefixes `idp:NAME` and `tenant:NAME`. */

import { ok, type Result, refuse } from './result.ts'

export type AcrValues = {
  /** The identity provider that `idp:NAME` names. */
  readonly idp?: string
  /** The tenant that `tenant:NAME` names. */
  readonly tenant?: string
  /** The remaining values: authentication context class references, in order of preference. */
  readonly acr: readonly string[]
}

const unclearProvider = refuse('invalid_request', 'acr_values_idp_malformed', {
  description: 'acr_values may contain one idp: value with a name',
})
const unclearTenant = refuse('invalid_request', 'acr_values_tenant_malformed', {
  description: 'acr_values may contain one tenant: value with a name',
})

const none: AcrValues = { acr: [] }

/** Parses `acr_values`. Refuses `invalid_request` for a second or empty `idp:` or `tenant:`. */
export function parseAcrValues(text: string | undefined): Result<AcrValues> {
  if (!text) return ok(none)
  let idp: string | undefined
  let tenant: string | undefined
  const acr: string[] = []
  for (const value of text.split(' ')) {
    if (value.startsWith('idp:')) {
      if (idp !== undefined || value === 'idp:') return unclearProvider
      idp = value.slice('idp:'.length)
    } else if (value.startsWith('tenant:')) {
      if (tenant !== undefined || value === 'tenant:') return unclearTenant
      tenant = value.slice('tenant:'.length)
    } else if (value !== '') acr.push(value)
  }
  return ok({ ...(idp !== undefined && { idp }), ...(tenant !== undefined && { tenant }), acr })
}
