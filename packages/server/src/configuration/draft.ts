/**
 * Reads the valid parts of a configuration, so that one run reports every error: valid entries, and entries without
 * their invalid keys. The input is read once, and every draft is derived from the result.
 */

import type { SigningAlgorithm } from '../model/client.ts'
import { isSecurityProfile, type SecurityProfile } from '../model/security-profile.ts'
import { defaultSignatureAlgorithms } from '../model/signature-algorithm.ts'
import { type Description, type Diagnostic, formatPath, subjectOf, valueAt } from './diagnostic.ts'
import { explain, meantKey } from './explain.ts'
import { withProfileDefaults } from './profiles/defaults.ts'
import { type ProfileSettings, profileKeys } from './profiles/settings.ts'
import type { UserDraft } from './schema/accounts.ts'
import type { ClientDraft } from './schema/client.ts'
import type { ProviderDraft } from './schema/provider.ts'
import type { RegistrationDraft } from './schema/registration.ts'
import type { ApiResourceDraft, ApiScopeDraft, IdentityResourceDraft } from './schema/resource.ts'
import {
  type ConfigurationDraft,
  dataLists,
  dataSchema,
  keyOwners,
  type ListName,
  listNames,
  moduleLists,
  moduleSchema,
  type TenantDraft,
} from './schema/whole.ts'
import type { Fields, ObjectSchema } from './validation/objects.ts'
import type { Issue, Path, SecretReader } from './validation/schema.ts'

/** An entry of a list, and its place. */
export type Entry<Value> = {
  /** `clients`, or `tenants[0].clients`. */
  readonly list: string
  readonly index: number
  readonly subject: string
  readonly value: Value
  /** The entry as written, without defaults. */
  readonly raw?: unknown
  /** Keys left out because they are invalid. Rules report nothing more about them. */
  readonly invalid: ReadonlySet<string>
}

type Lists = {
  readonly clients: readonly Entry<ClientDraft>[]
  readonly identity_resources: readonly Entry<IdentityResourceDraft>[]
  readonly api_scopes: readonly Entry<ApiScopeDraft>[]
  readonly api_resources: readonly Entry<ApiResourceDraft>[]
  readonly users: readonly Entry<UserDraft>[]
  readonly identity_providers: readonly Entry<ProviderDraft>[]
  readonly tenants: readonly Entry<TenantDraft>[]
}

export type Draft = Lists & {
  /** The names in each list, including those of entries that can't be read. */
  readonly names: Readonly<Record<ListName, ReadonlySet<string>>>
  readonly mtls: boolean
  /** Whether tokens can be bound to the keys of DPoP proofs. */
  readonly dpop: boolean
  readonly trustedIssuers: boolean
  /** Those that signatures may have. */
  readonly signatureAlgorithms: readonly SigningAlgorithm[]
  /** Whether the scopes of the admin API exist. */
  readonly adminApi: boolean
  /** `grantType`s of the module's grants. */
  readonly moduleGrants: readonly string[]
  /** Undefined if it is omitted or invalid. */
  readonly registration?: { readonly path: string; readonly value: RegistrationDraft }
  readonly security: {
    /** Undefined if it is omitted or invalid, or "none". */
    readonly profile: SecurityProfile | undefined
    readonly settings: ProfileSettings
  }
}

type Drafts = {
  /** Undefined if the schema found an error. */
  readonly whole?: ConfigurationDraft
  /** Without the users of tenants that have their own issuer. */
  readonly draft: Draft
  /** The configuration of each tenant that has its own issuer. */
  readonly tenantDrafts: readonly Draft[]
  readonly errors: readonly Diagnostic[]
}

/** Reads a configuration with the schema for data files or the one for modules. */
export function readDrafts(
  input: Readonly<Record<string, unknown>>,
  isModule: boolean,
  secrets: SecretReader,
): Drafts {
  const schema = isModule ? moduleSchema : dataSchema
  const outcome = schema.safeParse(withProfileDefaults(input), secrets)
  const issues = outcome.success ? [] : outcome.issues
  const parsed: Parsed = {
    input,
    value: outcome.success ? outcome.value : outcome.partial,
    issues: issuesByEntry(issues),
    schemas: isModule ? moduleLists : dataLists,
  }
  const server = serverDraft(parsed)
  const tenants = listAt(input, ['tenants']).flatMap((tenant, index) =>
    typeof valueAt(tenant, ['issuer']) === 'string' ? [{ index, name: nameOf('tenants', tenant) ?? '' }] : [],
  )
  return {
    whole: outcome.success ? (outcome.value as ConfigurationDraft) : undefined,
    draft: withUsers(
      server,
      server.users.filter(({ value }) => !tenants.some(({ name }) => name === value.tenant)),
    ),
    tenantDrafts: tenants.map(({ index, name }) =>
      withUsers(tenantDraft(server, parsed, index), usersOf(server, name)),
    ),
    errors: explain(issues, schema, input),
  }
}

/** A configuration as written, and the result of reading it with the schema. */
export type Parsed = {
  readonly input: unknown
  readonly value: unknown
  readonly issues: ReadonlyMap<string, readonly Issue[]>
  readonly schemas: Readonly<Record<ListName, ObjectSchema<Fields>>>
}

function serverDraft(parsed: Parsed): Draft {
  const { input } = parsed
  return {
    ...listsOf(name => entriesOf(parsed, name, [name])),
    names: namesOf(input, []),
    mtls: valueAt(input, ['mtls']) !== undefined,
    dpop: offersDpop(input, []) ?? true,
    trustedIssuers: listAt(input, ['trusted_issuers']).length > 0,
    signatureAlgorithms: algorithmsAt(parsed, []) ?? defaultSignatureAlgorithms,
    adminApi: hasAdminApi(input, []),
    moduleGrants: listAt(input, ['grants']).flatMap(grant => {
      const type = valueAt(grant, ['grantType'])
      return typeof type === 'string' ? type : []
    }),
    registration: registrationAt(parsed, []),
    security: securityOf(settingsAt(parsed, [], profileKeys), parsed, []),
  }
}

/** Returns the draft for a tenant: its own lists, and those that it inherits from the server. */
export function tenantDraft(server: Draft, parsed: Parsed, index: number): Draft {
  const place: Path = ['tenants', index]
  const isInherited = (name: ListName): boolean =>
    name === 'users' ||
    (keyOwners[name as keyof typeof keyOwners] === 'inherited' &&
      valueAt(parsed.input, [...place, name]) === undefined)
  const names = namesOf(parsed.input, place)
  return {
    ...server,
    ...listsOf(name => (isInherited(name) ? server[name] : entriesOf(parsed, name, [...place, name]))),
    names: Object.fromEntries(
      listNames.map(name => [name, isInherited(name) ? server.names[name] : names[name]]),
    ) as Draft['names'],
    dpop: offersDpop(parsed.input, place) ?? server.dpop,
    trustedIssuers: listAt(parsed.input, [...place, 'trusted_issuers']).length > 0,
    signatureAlgorithms: algorithmsAt(parsed, place) ?? server.signatureAlgorithms,
    adminApi: hasAdminApi(parsed.input, place),
    registration: registrationAt(parsed, place),
    security: securityOf(
      {
        ...settingsOfServer(server),
        ...settingsAt(
          parsed,
          place,
          profileKeys.filter(key => valueAt(parsed.value, [...place, key]) !== undefined),
        ),
      },
      parsed,
      place,
      server.security.profile,
    ),
  }
}

/** Returns the values that tenants inherit. A tenant at a path has the scheme and host of the server. */
const settingsOfServer = ({ security: { settings } }: Draft): ProfileSettings =>
  Object.fromEntries(
    Object.entries(settings).filter(([key]) => keyOwners[key as keyof typeof keyOwners] !== 'own'),
  )

function settingsAt(
  { value, issues }: Parsed,
  owner: Path,
  keys: readonly (typeof profileKeys)[number][],
): ProfileSettings {
  const readable = keys.filter(key => {
    const isOfServer = key === 'issuer' && valueAt(value, [...owner, key]) === 'path'
    return !isOfServer && issuesAt(issues, [...owner, key]).length === 0
  })
  return Object.fromEntries(
    readable.map(key => [key, { value: valueAt(value, [...owner, key]), path: formatPath([...owner, key]) }]),
  )
}

function securityOf(
  settings: ProfileSettings,
  { value, issues }: Parsed,
  owner: Path,
  inherited?: SecurityProfile,
): Draft['security'] {
  const path = [...owner, 'security_profile']
  const own = issuesAt(issues, path).length > 0 ? 'none' : valueAt(value, path)
  const profile = own === undefined ? inherited : own
  return { profile: isSecurityProfile(profile) ? profile : undefined, settings }
}

/** Returns undefined if it is omitted. */
const offersDpop = (input: unknown, owner: Path): boolean | undefined =>
  valueAt(input, [...owner, 'dpop']) === undefined
    ? undefined
    : valueAt(input, [...owner, 'dpop', 'enabled']) !== false

/** Returns undefined if they are omitted or invalid. */
function algorithmsAt({ value, issues }: Parsed, owner: Path): readonly SigningAlgorithm[] | undefined {
  const path = [...owner, 'signature_algorithms']
  return issuesAt(issues, path).length > 0
    ? undefined
    : (valueAt(value, path) as readonly SigningAlgorithm[] | undefined)
}

const hasAdminApi = (input: unknown, owner: Path): boolean =>
  valueAt(input, [...owner, 'admin_api', 'enabled']) === true

const listsOf = (entries: (name: ListName) => readonly Entry<unknown>[]): Lists =>
  Object.fromEntries(listNames.map(name => [name, entries(name)])) as unknown as Lists

function registrationAt({ value, issues }: Parsed, owner: Path): Draft['registration'] {
  const path = [...owner, 'registration']
  const registration = valueAt(value, path) as RegistrationDraft | undefined
  return registration === undefined || issuesAt(issues, path).length > 0
    ? undefined
    : { path: formatPath(path), value: registration }
}

const withUsers = (draft: Draft, users: Draft['users']): Draft => ({
  ...draft,
  users,
  names: { ...draft.names, users: new Set(users.map(({ value }) => value.sub)) },
})

/** Within their tenant's own issuer, users belong to no tenant. */
const usersOf = ({ users }: Draft, name: string): Draft['users'] =>
  users
    .filter(({ value }) => value.tenant === name)
    .map(({ value: { tenant: _, ...value }, ...entry }) => ({ ...entry, value }))

const listAt = (input: unknown, path: Path): readonly unknown[] => {
  const list = valueAt(input, path)
  return Array.isArray(list) ? list : []
}

/** @param path the path of the list. */
function entriesOf(
  { input, value, issues, schemas }: Parsed,
  name: ListName,
  path: Path,
): readonly Entry<unknown>[] {
  const source = listAt(input, path)
  const read = listAt(value, path)
  const lists = { [name]: source }
  const list = formatPath(path)
  return source.flatMap((raw, index) => {
    const place = [...path, index]
    const entry = validPartOf(schemas[name], read[index], issuesAt(issues, place), place)
    const subject = subjectOf([name, index], lists) ?? name
    return entry ? { list, index, subject, raw, ...entry } : []
  })
}

/** Returns an entry with defaults in place of its invalid keys; undefined if a required key is invalid. */
function validPartOf(
  { fields }: ObjectSchema<Fields>,
  value: unknown,
  issues: readonly Issue[],
  { length }: Path,
): Pick<Entry<unknown>, 'value' | 'invalid'> | undefined {
  if (issues.length === 0) return value === undefined ? undefined : { value, invalid: noKeys }
  const invalid = new Set<string>()
  const valid: Record<string, unknown> = { ...(value as object) }
  for (const issue of issues) {
    const key = issue.path[length]
    if (key !== undefined) invalid.add(String(key))
    else if (issue.code === 'unknown_keys') for (const unknown of issue.keys) invalid.add(unknown)
    else return undefined
  }
  const known = Object.keys(fields)
  for (const key of [...invalid]) {
    delete valid[key]
    const omitted = Object.hasOwn(fields, key) ? fields[key]?.safeParse(undefined) : undefined
    if (omitted?.success === false) return undefined
    if (omitted?.value !== undefined) valid[key] = omitted.value
    // A misspelt key counts as the key that was meant, which is not missing.
    const meant = meantKey(key, known)
    if (meant !== undefined) invalid.add(meant)
  }
  return { value: valid, invalid }
}

const noKeys: ReadonlySet<string> = new Set()

/** Groups issues by the entries and settings that contain them: `clients[0]`, `tenants[0].clients[1]`. */
function issuesByEntry(issues: readonly Issue[]): ReadonlyMap<string, readonly Issue[]> {
  const grouped = new Map<string, Issue[]>()
  for (const issue of issues)
    for (let length = 1; length <= Math.min(issue.path.length, 4); length++) {
      const place = placeOf(issue.path.slice(0, length))
      const others = grouped.get(place)
      if (others) others.push(issue)
      else grouped.set(place, [issue])
    }
  return grouped
}

const issuesAt = (issues: Parsed['issues'], path: Path): readonly Issue[] =>
  issues.size === 0 ? [] : (issues.get(placeOf(path)) ?? [])

const placeOf = (path: Path): string => JSON.stringify(path)

const namesOf = (input: unknown, owner: Path): Draft['names'] =>
  Object.fromEntries(
    listNames.map(list => [
      list,
      new Set(listAt(input, [...owner, list]).flatMap(raw => nameOf(list, raw) ?? [])),
    ]),
  ) as unknown as Draft['names']

/** Returns the name of an entry; undefined if it has none, which is reported as a separate error. */
export const nameOf = (list: string, raw: unknown): string | undefined => {
  const name = valueAt(raw, [list === 'clients' ? 'client_id' : list === 'users' ? 'sub' : 'name'])
  return typeof name === 'string' ? name : undefined
}

/** Returns a diagnostic about one key of an entry; none if the schema already reported that key. */
export function diagnosticAt<Value>(
  { list, index, subject, invalid }: Entry<Value>,
  key: keyof Value & string,
  description: Description,
  at?: number,
): readonly Diagnostic[] {
  if (invalid.has(key)) return []
  const path = formatPath(at === undefined ? [list, index, key] : [list, index, key, at])
  return [{ path, subject, ...description }]
}
