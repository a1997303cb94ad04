/** `tessera users reset-mfa`: removes the second factors of a user who lost them. The server may run meanwhile. */

import type { ExitCode, UserFlags } from './command.ts'
import { issuerOrReport } from './issuer.ts'

export async function resetMfa(flags: UserFlags): Promise<ExitCode> {
  const found = await issuerOrReport(flags, 'second factors')
  if (!found) return 1
  const { openFactors } = await import('../app/administration.ts')
  const factors = await openFactors(found.server, found.issuer)
  try {
    const removed = await factors.reset(flags.user)
    if (removed === 0) {
      process.stderr.write('tessera: the user has no second factor\n')
      return 1
    }
    process.stdout.write(`removed sub=${flags.user} factors=${removed}\n`)
    return 0
  } finally {
    await factors.close()
  }
}
