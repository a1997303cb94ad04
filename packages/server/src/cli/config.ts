/** `tessera config check` and `tessera config schema`. */

import type { ExitCode } from './command.ts'
import { loadOrReport } from './report.ts'

export async function check(file: string): Promise<ExitCode> {
  const configuration = await loadOrReport(file)
  if (!configuration) return 1
  const { clients, resources, users, issuer, storage } = configuration
  const counts = [
    [[...clients.all()].length, 'clients'],
    [resources.apis.size, 'APIs'],
    [resources.apiScopes.size, 'API scopes'],
    [users.length, 'users'],
  ] as const
  const list = counts.map(([count, noun]) => `${count} ${noun}`).join(', ')
  process.stdout.write(`${file} is good: ${list}; issuer ${issuer}, storage ${storage.kind}\n`)
  return 0
}

export async function schema(): Promise<ExitCode> {
  const { configurationJsonSchema } = await import('../configuration/json-schema.ts')
  process.stdout.write(`${JSON.stringify(configurationJsonSchema(), null, 2)}\n`)
  return 0
}
