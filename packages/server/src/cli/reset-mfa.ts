/** `tessera users reset-mfa`: removes the second factors of a user who lost them. The server may run meanwhile. */

import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode, UserFlags } from './command.ts'
import { withOpened } from './issuer.ts'

export const resetMfa = (flags: UserFlags): Promise<ExitCode> =>
  withOpened(
    flags,
    'second factors',
    async (...issuer) => (await import('../app/administration.ts')).openFactors(...issuer),
    async factors => {
      const removed = await factors.reset(flags.user)
      if (removed === 0) {
        writeError('tessera: the user has no second factor\n')
        return 1
      }
      writeOutput(`removed sub=${flags.user} factors=${removed}\n`)
      return 0
    },
  )
