/** `tessera clients revoke`. A running server honours it within a second. */

import { writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode, IssuerFlags } from './command.ts'
import { withOpened } from './issuer.ts'
import { report } from './report.ts'

export const revoke = (client: string, flags: IssuerFlags): Promise<ExitCode> =>
  withOpened(
    flags,
    'tokens',
    async (...issuer) => (await import('../app/administration.ts')).openClients(...issuer),
    async clients => {
      if (await clients.revoke(client)) {
        writeOutput(`revoked client_id=${JSON.stringify(client)}\n`)
        return 0
      }
      return report(
        `no client ${JSON.stringify(client)} was ever served from this store; expected the client_id of a configured or registered client`,
      )
    },
  )
