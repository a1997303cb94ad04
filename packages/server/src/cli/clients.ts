/** `tessera clients revoke`. A running server honours it within a second. */

import type { ExitCode, IssuerFlags } from './command.ts'
import { issuerOrReport } from './issuer.ts'
import { report } from './report.ts'

export async function revoke(client: string, flags: IssuerFlags): Promise<ExitCode> {
  const found = await issuerOrReport(flags, 'tokens')
  if (!found) return 1
  const { openClients } = await import('../app/administration.ts')
  const clients = await openClients(found.server, found.issuer)
  try {
    if (await clients.revoke(client)) {
      process.stdout.write(`revoked client_id=${JSON.stringify(client)}\n`)
      return 0
    }
    return report(
      `no client ${JSON.stringify(client)} was ever served from this store; expected the client_id of a configured or registered client`,
    )
  } finally {
    await clients.close()
  }
}
