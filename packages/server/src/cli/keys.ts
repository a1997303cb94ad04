/** `tessera keys list` and `tessera keys rotate`. */

import type { ExitCode, KeyFlags } from './command.ts'
import { issuerOrReport, lineOf } from './issuer.ts'

export const list = (flags: KeyFlags): Promise<ExitCode> => withKeys(flags, keys => keys.list())

export const rotate = (flags: KeyFlags): Promise<ExitCode> =>
  withKeys(flags, keys => keys.rotate({ now: flags.now === true }))

type OpenKeys = Awaited<ReturnType<typeof import('../app/administration.ts').openKeys>>

async function withKeys(
  flags: KeyFlags,
  use: (keys: OpenKeys) => Promise<readonly object[]>,
): Promise<ExitCode> {
  const found = await issuerOrReport(flags, 'keys')
  if (!found) return 1
  const { openKeys } = await import('../app/administration.ts')
  const keys = await openKeys(found.server, found.issuer)
  try {
    for (const key of await use(keys)) process.stdout.write(`${lineOf(key)}\n`)
  } finally {
    await keys.close()
  }
  return 0
}
