/** `tessera config check`, `tessera config plan` and `tessera config schema`. */

import { anchorOf, changedDefaults } from '../configuration/changed-defaults.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { planChanges } from '../configuration/plan.ts'
import type { ProfileFinding } from '../configuration/profiles/finding.ts'
import { writeOutput } from '../operations/output/standard-output.ts'
import type { CheckFlags, ExitCode, PlanFlags } from './command.ts'
import { loadOrReport, report, tellErrors, tellFailures, tellWarnings } from './report.ts'

export async function check(file: string, flags: CheckFlags): Promise<ExitCode> {
  const { store, profile, verbose, json } = flags
  if (profile === undefined && (verbose || json)) return report('--verbose and --json need --profile', 2)
  const configuration = await loadOrReport(file)
  if (!configuration) return 1
  if (!json) describe(file, configuration)
  const stored = store ? await checkStore(configuration, flags) : noEntries
  if (profile === undefined) return stored.exit
  const { reportProfile } = await import('./config-profile.ts')
  const findings = [...configuration.entries.profileFindings(profile, []), ...stored.findings]
  return reportProfile(file, profile, findings, flags) || stored.exit
}

const noEntries = { exit: 0, findings: [] } as const

function describe(file: string, configuration: Configuration): void {
  const { issuer, storage, tenantIssuers } = configuration
  writeOutput(`${file} is valid: ${contentOf(configuration)}; issuer ${issuer}, storage ${storage.kind}\n`)
  for (const [name, own] of tenantIssuers)
    writeOutput(`  tenant ${name}: ${contentOf(own)}; issuer ${own.issuer}\n`)
  writeOutput(`  master key: ${masterKeyOf(configuration)}\n`)
  writeOutput(changesFor(configuration))
}

/** Checks entries that were made while a server runs, in the form of this file. Changes and migrates no store. */
async function checkStore(
  configuration: Configuration,
  { profile, json }: CheckFlags,
): Promise<{ readonly exit: ExitCode; readonly findings: readonly ProfileFinding[] }> {
  const { checkStoredEntries } = await import('../app/stored-entries-check.ts')
  const { checked, errors, warnings, findings, failures } = await checkStoredEntries(configuration, profile)
  tellWarnings(warnings)
  tellFailures(failures)
  if (errors.length > 0) return { exit: tellErrors('the store', errors), findings }
  if (failures.length > 0) return { exit: 1, findings }
  if (!json) writeOutput(`the store is valid: ${checked} ${checked === 1 ? 'entry' : 'entries'}\n`)
  return { exit: 0, findings }
}

/** Says where the master key is. A key service is not called. */
function masterKeyOf({ masterKey, previousMasterKey, storage }: Configuration): string {
  const named = (key: NonNullable<typeof masterKey>): string =>
    key.kind === 'local' ? `from ${key.from}` : `key service ${key.service.id}`
  const missing = {
    memory: 'none; each start creates one',
    sqlite: 'none; created next to the database',
    postgres: 'none',
  } as const
  const current = masterKey ? named(masterKey) : missing[storage.kind]
  return previousMasterKey ? `${current}; previous: ${named(previousMasterKey)}` : current
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
  writeOutput(`${JSON.stringify(configurationJsonSchema(), null, 2)}\n`)
  return 0
}

/** Compares the file that is served with a changed one, without opening a store. */
export async function plan(running: string, changed: string, flags: PlanFlags): Promise<ExitCode> {
  const before = await loadOrReport(running)
  const next = before && (await loadOrReport(changed))
  if (!next) return 1
  const changes = planChanges(before, next)
  for (const one of changes) {
    const { subject, change, keys, effects } = one
    const text = [`${change} ${subject}${keys.length > 0 ? `: ${keys.join(', ')}` : ''}`, ...effects]
    writeOutput(`${flags.json ? JSON.stringify(one) : text.join('\n  ')}\n`)
  }
  if (changes.length === 0 && !flags.json) writeOutput('nothing changes\n')
  return 0
}
