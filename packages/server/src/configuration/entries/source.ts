/** Creates the sources of a configuration's entries. */

import type { JsonObject } from '@tessera/protocol/result'
import type { EntryKind } from '../../model/entry.ts'
import type { SecurityProfile } from '../../model/security-profile.ts'
import { type AssemblyContext, assemble, assembleIssuer, forTenant, tenantSettings } from '../assemble.ts'
import type { Configuration } from '../configuration.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { type Draft, type Entry, nameOf } from '../draft.ts'
import { emptyLists } from '../empty-lists.ts'
import { followPort } from '../issuer.ts'
import type { ProfileFinding } from '../profiles/finding.ts'
import { findingsOf, sharedProfileErrors } from '../profiles/findings.ts'
import { clientErrors } from '../rules/client.ts'
import { nameErrors } from '../rules/names.ts'
import { referenceErrors } from '../rules/references.ts'
import { tenantErrors } from '../rules/tenants.ts'
import { type ClientDraft, clientOf } from '../schema/client.ts'
import { codeKeys } from '../schema/code.ts'
import { readEntry, secretPaths } from './entry.ts'
import type { EntrySource, ParseStoredClient, ReadEntry } from './entry-source.ts'
import {
  entryOf,
  extendDraft,
  extendTenants,
  extendWhole,
  extensionErrors,
  type IssuerDrafts,
  labelOf,
  validPart,
} from './extension.ts'
import { entryWarnings } from './warnings.ts'

/** Assembles an issuer from its settings. */
type Assemble = (whole: ConfigurationWhole, extended: IssuerDrafts) => Configuration
type ConfigurationWhole = IssuerDrafts['whole']

/** Returns the configuration with the sources of its own entries and those of its tenants. */
export function withEntrySources(
  configuration: Configuration,
  drafts: IssuerDrafts,
  context: AssemblyContext,
): Configuration {
  const assembleServer: Assemble = (whole, extended) =>
    withTenantSources(assemble(whole, context), extended, context)
  return {
    ...withTenantSources(configuration, drafts, context),
    entries: createSource(drafts, assembleServer),
  }
}

/** The drafts of tenants are in the order of the tenants that have their own issuer. */
function withTenantSources(
  configuration: Configuration,
  { whole, tenantDrafts, directory }: IssuerDrafts,
  context: AssemblyContext,
): Configuration {
  const settings = [...tenantSettings(whole)]
  const tenants = settings.flatMap(([name, own], index) => {
    const one = configuration.tenantIssuers.get(name)
    const draft = tenantDrafts[index]
    if (!one || !draft) return []
    const drafts = {
      whole: own,
      draft: { ...draft, tenants: [] },
      tenantDrafts: [],
      issuer: undefined,
      directory,
    }
    const assembleTenant: Assemble = values => forTenant(name, assembleIssuer({ ...own, ...values }, context))
    return [[name, { ...one, entries: createSource(drafts, assembleTenant) }] as const]
  })
  return { ...configuration, tenantIssuers: new Map(tenants) }
}

function createSource(drafts: IssuerDrafts, assembleIt: Assemble): EntrySource<Configuration> {
  const kept = new Map<EntryKind, ReadonlyMap<string, JsonObject>>()
  const written = (kind: EntryKind): ReadonlyMap<string, JsonObject> => {
    const found = kept.get(kind) ?? writtenIn(drafts.draft, kind)
    kept.set(kind, found)
    return found
  }
  return {
    written,
    read: (...entry) => readEntry(drafts.whole, ...entry),
    secretPaths,
    errorsOf: added => extensionErrors(drafts, added),
    clientErrors: (client, added) => writtenClientErrors(drafts, client, added),
    warningsOf: (added, now) => entryWarnings(drafts, added, now),
    profileFindings: (profile, added) => storedFindings(drafts, profile, added),
    extend(base, added) {
      const { valid, errors } = validPart(drafts, added)
      const draft = extendDraft(drafts.draft, valid)
      const parseClient = createClientParser(draft)
      if (valid.length === 0) return { configuration: base, parseClient, errors }
      const whole = extendWhole(drafts.whole, valid)
      const tenantDrafts = extendTenants(drafts, draft, valid)
      // Its clients and users are those of the base.
      const made = assembleIt(
        { ...whole, clients: [], users: usersOfTenants(whole) },
        {
          ...drafts,
          whole,
          draft,
          tenantDrafts,
        },
      )
      const { resources, identityProviders, tenants, tenantIssuers, tenantMfa, signUpTenants, registration } =
        made.port === base.port ? made : followPort(made, base.port)
      return {
        configuration: {
          ...base,
          resources,
          identityProviders,
          tenants,
          tenantIssuers,
          tenantMfa,
          signUpTenants,
          registration,
          signingAlgorithms: [...new Set([...base.signingAlgorithms, ...made.signingAlgorithms])],
        },
        parseClient,
        errors,
      }
    },
  }
}

function storedFindings(
  drafts: IssuerDrafts,
  profile: SecurityProfile,
  added: readonly ReadEntry[],
): readonly ProfileFinding[] {
  const extended = extendDraft(drafts.draft, added)
  const clients = added
    .filter(({ kind }) => kind === 'clients')
    .map((one, index) => entryOf(one, labelOf('clients'), index))
  const server = { ...extended, clients: [...drafts.draft.clients, ...clients] }
  return [server, ...extendTenants(drafts, extended, added)].flatMap(draft => findingsOf(draft, profile))
}

/** Returns the entries of the file, by id. Only data: administrators see them. */
const writtenIn = (draft: Draft, kind: EntryKind): ReadonlyMap<string, JsonObject> =>
  new Map(
    (draft[kind] as readonly Entry<object>[]).map(({ raw }) => [
      nameOf(kind, raw) ?? '',
      withoutCode(kind, raw as JsonObject),
    ]),
  )

/**
 * Leaves out values of the operator's code, such as a `userStore` or `credentialAuthority`. They can't be copied, and their
 * fields may be secrets.
 */
function withoutCode(kind: EntryKind, raw: JsonObject): JsonObject {
  if (kind !== 'identity_providers' && kind !== 'tenants') return raw
  const data = Object.fromEntries(Object.entries(raw).filter(([key]) => !codeKeys.has(key)))
  const { identity_providers: providers } = data
  return Array.isArray(providers)
    ? {
        ...data,
        identity_providers: providers.map(one => withoutCode('identity_providers', one as JsonObject)),
      }
    : data
}

/** Users of tenants with their own issuer are assembled with those. */
const usersOfTenants = ({ users }: ConfigurationWhole): ConfigurationWhole['users'] =>
  users.filter(({ tenant }) => tenant !== undefined)

/** Checks the client alone, with the names that it can refer to. */
function createClientParser(context: Draft): ParseStoredClient {
  return reading => {
    if (!reading.ok) return reading
    const { read } = reading
    const draft = { ...context, ...emptyLists, clients: [entryOf(read, 'clients', 0)] }
    const errors = [...clientErrors(draft), ...referenceErrors(draft), ...sharedProfileErrors(draft)]
    return errors.length === 0
      ? { ok: true, client: clientOf(read.value as ClientDraft, context.signatureAlgorithms) }
      : { ok: false, errors: errors.map(relative) }
  }
}

/** An error about another entry is one about the name that both have. */
const relative = (diagnostic: Diagnostic): Diagnostic => {
  const [, path] = /^clients\[0\]\.?(.*)$/.exec(diagnostic.path) ?? []
  return path === undefined
    ? { ...diagnostic, path: 'client_id', problem: `${diagnostic.path}: ${diagnostic.problem}` }
    : { ...diagnostic, path }
}

function writtenClientErrors(
  { draft: file, issuer }: IssuerDrafts,
  client: ReadEntry,
  added: readonly ReadEntry[],
): readonly Diagnostic[] {
  const draft = {
    ...extendDraft(file, added),
    clients: [entryOf(client, 'clients', 0)],
    users: file.users,
  }
  const names = { ...draft.names, clients: new Set([client.id]) }
  const errors = [
    ...tenantErrors(draft, issuer),
    ...nameErrors({ ...draft, names }),
    ...referenceErrors(draft),
    ...clientErrors(draft),
    ...sharedProfileErrors(draft),
  ]
  return errors.map(relative)
}
