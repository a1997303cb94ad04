/** `tessera tenants revoke`. A running server honours it within a second, and ends the sessions. */

import { writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode } from './command.ts'
import { tenantIssuerNamed, withOpened } from './issuer.ts'
import { report } from './report.ts'

/** @param name a tenant with its own issuer, or one that shares the server's. */
export async function revoke(name: string, { config }: { readonly config: string }): Promise<ExitCode> {
  const hasIssuer = await tenantIssuerNamed(config, name)
  return withOpened(
    hasIssuer ? { config, tenant: name } : { config },
    'tokens',
    async (...issuer) => (await import('../app/administration.ts')).openTenantRevocation(...issuer),
    async ({ tenants, revoke: revokeTenant }) => {
      if (!hasIssuer && !tenants.has(name))
        return report(`no tenant ${JSON.stringify(name)}; see "tessera tenants list"`)
      await revokeTenant(hasIssuer ? undefined : name)
      writeOutput(`revoked tenant=${JSON.stringify(name)}\n`)
      return 0
    },
  )
}
