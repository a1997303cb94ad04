/** `tessera config check` and `tessera config schema`. */

import type { Configuration } from '../configuration/configuration.ts'
import type { ExitCode } from './command.ts'
import { loadOrReport } from './report.ts'

export async function check(file: string): Promise<ExitCode> {
  const configuration = await loadOrReport(file)
  if (!configuration) return 1
  const { issuer, storage, tenantIssuers } = configuration
  process.stdout.write(
    `${file} is good: ${contentOf(configuration)}; issuer ${issuer}, storage ${storage.kind}\n`,
  )
  for (const [name, own] of tenantIssuers)
    process.stdout.write(`  tenant ${name}: ${contentOf(own)}; issuer ${own.issuer}\n`)
  return 0
}

const contentOf = ({ clients, resources, users }: Configuration): string =>
  (
    [
      [[...clients.all()].length, 'clients'],
      [resources.apis.size, 'APIs'],
      [resources.apiScopes.size, 'API scopes'],
      [users.length, 'users'],
    ] as const
  )
    .map(([count, noun]) => `${count} ${noun}`)
    .join(', ')

export async function schema(): Promise<ExitCode> {
  const { configurationJsonSchema } = await import('../configuration/json-schema.ts')
  process.stdout.write(`${JSON.stringify(configurationJsonSchema(), null, 2)}\n`)
  return 0
}
