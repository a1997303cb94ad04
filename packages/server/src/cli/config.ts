/** `tessera config check` and `tessera config schema`. */

import { anchorOf, changedDefaults } from '../configuration/changed-defaults.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { ExitCode } from './command.ts'
import { loadOrReport } from './report.ts'

export async function check(file: string): Promise<ExitCode> {
  const configuration = await loadOrReport(file)
  if (!configuration) return 1
  const { issuer, storage, tenantIssuers } = configuration
  process.stdout.write(
    `${file} is valid: ${contentOf(configuration)}; issuer ${issuer}, storage ${storage.kind}\n`,
  )
  for (const [name, own] of tenantIssuers)
    process.stdout.write(`  tenant ${name}: ${contentOf(own)}; issuer ${own.issuer}\n`)
  process.stdout.write(changesFor(configuration))
  return 0
}

const guide = 'docs/guides/changed-defaults.md'

/** Lists the changed defaults that affect this configuration or that of a tenant. */
function changesFor(configuration: Configuration): string {
  const all = [configuration, ...configuration.tenantIssuers.values()]
  const lines = changedDefaults.flatMap(({ title, affects }) => {
    const what = all.map(affects).find(found => found !== undefined)
    return what === undefined ? [] : [`  ${title} (${what}): ${guide}#${anchorOf(title)}\n`]
  })
  return `changed defaults that affect this file, besides those in ${guide}#every-server: ${
    lines.length === 0 ? 'none' : lines.length
  }\n${lines.join('')}`
}

/** Counts the entries of the file. The admin API has its own API and scopes. */
const contentOf = ({ clients, resources, users, adminApi }: Configuration): string =>
  (
    [
      [[...clients.all()].length, 'client'],
      [resources.apis.size - (adminApi ? 1 : 0), 'API'],
      [[...resources.apiScopes.values()].filter(({ administers }) => !administers).length, 'API scope'],
      [users.length, 'user'],
    ] as const
  )
    .map(([count, kind]) => `${count} ${kind}${count === 1 ? '' : 's'}`)
    .join(', ')

export async function schema(): Promise<ExitCode> {
  const { configurationJsonSchema } = await import('../configuration/schema/whole.ts')
  process.stdout.write(`${JSON.stringify(configurationJsonSchema(), null, 2)}\n`)
  return 0
}
