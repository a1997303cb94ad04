/** `tessera keys list|rotate|remove`. */

import { writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode, IssuerFlags, KeyFlags, RemoveKeyFlags } from './command.ts'
import { lineOf, withOpened } from './issuer.ts'
import { report } from './report.ts'

export const list = (flags: KeyFlags): Promise<ExitCode> =>
  withKeys(flags, async keys => print([...(await keys.list()), ...keys.masterKeys]))

export const rotate = (flags: KeyFlags): Promise<ExitCode> =>
  withKeys(flags, keys => keys.rotate({ now: flags.now === true }).then(print))

export const remove = (kid: string, flags: RemoveKeyFlags): Promise<ExitCode> =>
  withKeys(flags, async keys => {
    const removal = await keys.remove(kid, { force: flags.force === true })
    if (!removal.ok) return report(`${JSON.stringify(kid)}: ${problems[removal.problem]}`)
    const { key, signed_until } = removal
    writeOutput(`removed ${lineOf({ kid: key.kid, alg: key.alg })}\n`)
    if (key.state === 'verification')
      writeOutput('tokens of the other server that it signed can no longer be verified\n')
    else if (signed_until === undefined) writeOutput('it has signed no token\n')
    else
      writeOutput(
        `access tokens, ID tokens and logout tokens that it signed can no longer be verified: ${lineOf({
          signed_from: key.active_from,
          signed_until,
        })}\nrefresh tokens, reference tokens and sessions remain valid\n`,
      )
    return 0
  })

const problems = {
  unknown: 'no such key; "tessera keys list" shows all',
  signing:
    'this key signs now; run "tessera keys rotate --now", wait two minutes and remove it then, or use --force to replace it at once',
  announced:
    'this key will sign next; run "tessera keys rotate --now" to replace it, or use --force to announce another one',
} as const

type OpenKeys = Awaited<ReturnType<typeof import('../app/administration.ts').openKeys>>

const withKeys = (flags: IssuerFlags, use: (keys: OpenKeys) => Promise<ExitCode>): Promise<ExitCode> =>
  withOpened(
    flags,
    'keys',
    async (...issuer) => (await import('../app/administration.ts')).openKeys(...issuer),
    use,
  )

const print = (rows: readonly object[]): ExitCode => {
  for (const row of rows) writeOutput(`${lineOf(row)}\n`)
  return 0
}
