/** Turns a value into a configuration, or into every error in it. */

import { resolve } from 'node:path'
import { assemble } from './assemble.ts'
import type { Configuration } from './configuration.ts'
import { type Diagnostic, formatPath, groupByEntry, subjectOf, valueAt } from './diagnostic.ts'
import { type Draft, readDrafts } from './draft.ts'
import { withEntrySources } from './entries/source.ts'
import {
  type Environment,
  environmentErrors,
  environmentWarnings,
  type Overrides,
  override,
  renameSources,
} from './environment.ts'
import { readMasterKeys } from './master-keys.ts'
import { issuerProfileErrors } from './profiles/findings.ts'
import {
  accountErrors,
  accountWarnings,
  signUpErrors,
  signUpWarnings,
  userStoreErrors,
} from './rules/accounts.ts'
import { clientErrors, clientWarnings } from './rules/client.ts'
import { deploymentErrors, deploymentWarnings, masterKeyWarnings } from './rules/deployment.ts'
import { nameErrors } from './rules/names.ts'
import { providerErrors, providerWarnings } from './rules/providers.ts'
import { referenceErrors, registrationErrors } from './rules/references.ts'
import { secretWarnings } from './rules/secrets.ts'
import { tenantErrors } from './rules/tenants.ts'
import { fileErrors } from './schema/branding.ts'
import { createSecrets } from './secrets.ts'

export type ParseOptions = {
  /** Whether the value may contain code (grants, validators, profile, credential authorities). */
  readonly isModule?: boolean
  /** The folder that relative paths in it start from; the working directory by default. */
  readonly directory?: string
  readonly environment?: Environment
  readonly overrides?: Overrides
  /** Seconds; decides which secrets have expired. */
  readonly now?: number
}

export type ConfigurationOutcome =
  | { readonly ok: true; readonly configuration: Configuration; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly errors: readonly Diagnostic[] }

/**
 * Uses only the environment in `options`, not `process.env`. Reports all errors at once: of the schema, names,
 * references and rules.
 */
export function parseConfiguration(input: unknown, options: ParseOptions = {}): ConfigurationOutcome {
  const { environment = {}, overrides = {}, directory = process.cwd(), isModule = false } = options
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const expected = isModule ? 'defineConfig({ … })' : 'an object: { "clients": [ … ] }'
    const fix = isModule ? 'export default defineConfig({ … })' : 'put all keys into one object'
    return { ok: false, errors: [{ path: '(top)', problem: 'it is not an object', expected, fix }] }
  }
  const { input: settled, sources } = override(input as Record<string, unknown>, environment, overrides)
  const folderOf = (key: string): string => (sources.has(key) ? process.cwd() : directory)
  const fileOf = (key: string): string | undefined => {
    const file = valueAt(settled, [key, 'file'])
    return typeof file === 'string' ? resolve(directory, file) : undefined
  }
  const secrets = createSecrets(environment, directory)
  const { whole, draft, tenantDrafts, errors: schemaErrors } = readDrafts(settled, isModule, secrets.read)
  const drafts = [draft, ...tenantDrafts]
  const masterKeys = readMasterKeys({
    environment,
    fileOf: key => ({ path: settled[key], directory: folderOf(key), source: sources.get(key) ?? key }),
    services: whole ?? { hook_timeout: 0 },
  })
  const { masterKey, previousMasterKey } = masterKeys
  const errors = [
    ...renameSources([...schemaErrors, ...(whole ? deploymentErrors(whole) : [])], sources),
    ...masterKeys.errors,
    ...environmentErrors(environment),
    ...tenantErrors(draft, settled.issuer),
    ...fileErrors(settled, directory),
    ...ofAll(drafts, one => [
      ...nameErrors(one),
      ...referenceErrors(one),
      ...clientErrors(one),
      ...accountErrors(one),
      ...registrationErrors(one),
      ...issuerProfileErrors(one),
      ...providerErrors(one, directory),
    ]),
    ...(whole ? [...signUpErrors(whole), ...userStoreErrors(whole)] : []),
  ]
  if (errors.length > 0 || !whole) return { ok: false, errors: groupByEntry(errors) }

  const context = {
    folders: { storage: folderOf('storage'), files: directory },
    storageFiles: { storage: fileOf('storage'), storage_replica: fileOf('storage_replica') },
    masterKey,
    previousMasterKey,
  }
  const configuration = withEntrySources(
    assemble(whole, context),
    { whole, draft, tenantDrafts, issuer: settled.issuer, directory },
    context,
  )
  const now = options.now ?? Math.floor(Date.now() / 1000)
  const warnings = [
    ...environmentWarnings(environment),
    ...masterKeys.warnings,
    ...renameSources(
      secrets.warnings().map(({ path, description }) => ({
        path: formatPath(path),
        subject: subjectOf(path, settled),
        ...description,
      })),
      sources,
    ),
    ...ofAll(drafts, one => [
      ...clientWarnings(one, now),
      ...accountWarnings(one),
      ...providerWarnings(one),
      ...secretWarnings(one),
    ]),
    ...signUpWarnings(whole),
    ...deploymentWarnings(whole, configuration.issuer),
    ...masterKeyWarnings(whole, masterKey !== undefined),
  ]
  return { ok: true, configuration, warnings }
}

/** Runs a check on every draft. Tenants inherit entries, so errors that several drafts share are reported once. */
const ofAll = (
  drafts: readonly Draft[],
  diagnosticsOf: (draft: Draft) => readonly Diagnostic[],
): readonly Diagnostic[] => [
  ...new Map(
    drafts
      .flatMap(diagnosticsOf)
      .map(diagnostic => [JSON.stringify([diagnostic.path, diagnostic.problem]), diagnostic]),
  ).values(),
]
