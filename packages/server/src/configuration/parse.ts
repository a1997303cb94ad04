/** From a value, however it was read, to a configuration or to every fault in it. */

import { assemble } from './assemble.ts'
import { fileFaults } from './branding.ts'
import type { Configuration } from './configuration.ts'
import { type Draft, draftOf } from './draft.ts'
import {
  type Environment,
  environmentDoubts,
  type Overrides,
  override,
  renameSources,
} from './environment.ts'
import { type Fault, groupFaults } from './fault.ts'
import { isLoopback } from './issuer.ts'
import { readMasterKey } from './master-key.ts'
import { accountDoubts, accountFaults } from './rules/accounts.ts'
import { clientDoubts, clientFaults } from './rules/client.ts'
import { mfaFaults } from './rules/mfa.ts'
import { nameFaults } from './rules/names.ts'
import { providerDoubts, providerFaults } from './rules/providers.ts'
import { proxyFaults } from './rules/proxies.ts'
import { referenceFaults } from './rules/references.ts'
import { registrationFaults } from './rules/registration.ts'
import { secretDoubts } from './rules/secret-strength.ts'
import { signUpDoubts, signUpFaults } from './rules/sign-up.ts'
import { storageFaults } from './rules/storage.ts'
import { tenantFaults } from './rules/tenants.ts'
import { workerFaults } from './rules/workers.ts'

export type ParseOptions = {
  /** Whether code (grants, validators, profile, credential authorities) may stand in it. */
  readonly isModule?: boolean
  /** What relative files in it start from; the working directory unless given. */
  readonly directory?: string
  readonly environment?: Environment
  readonly overrides?: Overrides
  /** For secrets that have expired, in seconds. */
  readonly now?: number
}

export type ConfigurationOutcome =
  | { readonly ok: true; readonly configuration: Configuration; readonly warnings: readonly Fault[] }
  | { readonly ok: false; readonly faults: readonly Fault[] }

/** Reads no environment but the one given. Reports all faults at once: of shape, then of names, references and rules. */
export function parseConfiguration(input: unknown, options: ParseOptions = {}): ConfigurationOutcome {
  const { environment = {}, overrides = {}, directory = process.cwd(), isModule = false } = options
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const expected = isModule ? 'defineConfig({ … })' : 'an object: { "clients": [ … ] }'
    const fix = isModule ? 'export default defineConfig({ … })' : 'put all keys into one object'
    return { ok: false, faults: [{ path: '(top)', problem: 'it is not an object', expected, fix }] }
  }
  const { input: settled, sources } = override(input as Record<string, unknown>, environment, overrides)
  const base = (key: string): string => (sources.has(key) ? process.cwd() : directory)
  const { whole, draft, tenantDrafts, faults: shapeFaults } = draftOf(settled, isModule)
  const drafts = [draft, ...tenantDrafts]

  const file = settled.master_key_file
  const { masterKey, faults: keyFaults } = readMasterKey(
    environment,
    typeof file === 'string' && file !== ''
      ? {
          path: file,
          directory: base('master_key_file'),
          source: sources.get('master_key_file') ?? 'master_key_file',
        }
      : undefined,
  )
  const faults = [
    ...renameSources(
      [
        ...shapeFaults,
        ...(whole ? [...workerFaults(whole), ...storageFaults(whole), ...proxyFaults(whole)] : []),
      ],
      sources,
    ),
    ...keyFaults,
    ...tenantFaults(draft, settled.issuer),
    ...fileFaults(settled, directory),
    ...ofAll(drafts, one => [...issuerFaults(one), ...providerFaults(one, directory)]),
    ...(whole ? [...mfaFaults(whole), ...signUpFaults(whole)] : []),
  ]
  if (faults.length > 0 || !whole) return { ok: false, faults: groupFaults(faults) }

  const configuration = assemble(whole, {
    directory: base('storage'),
    folder: directory,
    ...(masterKey && { masterKey }),
  })
  const now = options.now ?? Math.floor(Date.now() / 1000)
  const warnings = [
    ...environmentDoubts(environment),
    ...ofAll(drafts, one => [
      ...clientDoubts(one, now),
      ...accountDoubts(one),
      ...providerDoubts(one),
      ...secretDoubts(one),
    ]),
    ...signUpDoubts(whole),
    ...issuerDoubts(configuration, whole.issuer),
  ]
  return { ok: true, configuration, warnings }
}

/** What is wrong with the configuration of one issuer. */
const issuerFaults = (draft: Draft): readonly Fault[] => [
  ...nameFaults(draft),
  ...referenceFaults(draft),
  ...clientFaults(draft),
  ...accountFaults(draft),
  ...registrationFaults(draft),
]

/** What is found in several drafts, since tenants inherit it, is told once. */
const ofAll = (drafts: readonly Draft[], faultsOf: (draft: Draft) => readonly Fault[]): readonly Fault[] => [
  ...new Map(
    drafts.flatMap(faultsOf).map(fault => [JSON.stringify([fault.path, fault.problem]), fault]),
  ).values(),
]

/** A server that others can reach and that calls itself localhost. */
function issuerDoubts({ host, issuer }: Configuration, configured: string | undefined): readonly Fault[] {
  const local = isLoopback(host) || host === '::1'
  if (configured !== undefined || local) return []
  return [
    {
      path: 'issuer',
      problem: `it is omitted, so it is ${issuer}, and host ${host} serves other machines`,
      expected: 'the address that clients know, such as https://login.example',
      fix: 'add "issuer", or set TESSERA_ISSUER',
    },
  ]
}
