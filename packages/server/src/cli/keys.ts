/** `tessera keys list` and `tessera keys rotate`. */

import type { ExitCode, KeyFlags } from './command.ts'
import { loadOrReport } from './report.ts'

export const list = (flags: KeyFlags): Promise<ExitCode> => withKeys(flags, keys => keys.list())

export const rotate = (flags: KeyFlags): Promise<ExitCode> =>
  withKeys(flags, keys => keys.rotate({ now: flags.now === true }))

type OpenKeys = Awaited<ReturnType<typeof import('../server.ts').openKeys>>

async function withKeys(
  { config, tenant }: KeyFlags,
  use: (keys: OpenKeys) => Promise<readonly object[]>,
): Promise<ExitCode> {
  const configuration = await loadOrReport(config)
  if (!configuration) return 1
  if (configuration.storage.kind === 'memory') {
    process.stderr.write('tessera: "memory:" keeps keys only while the server runs\n')
    return 1
  }
  const issuer = tenant === undefined ? configuration : configuration.tenantIssuers.get(tenant)
  if (!issuer) {
    process.stderr.write(`tessera: no tenant "${tenant}" has an issuer of its own\n`)
    return 1
  }
  const { openKeys } = await import('../server.ts')
  const keys = await openKeys(configuration, issuer)
  try {
    for (const key of await use(keys)) process.stdout.write(`${lineOf(key)}\n`)
  } finally {
    await keys.close()
  }
  return 0
}

/** `kid=… alg=… created_at=…`; times as ISO 8601. */
const lineOf = (key: object): string =>
  Object.entries(key)
    .map(
      ([name, value]) =>
        `${name}=${/_(at|from)$/.test(name) && typeof value === 'number' ? isoOf(value) : value}`,
    )
    .join(' ')

const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
