/**
 * What can be read of a configuration, faulty or not, so that one run finds every fault: the entries of each list that
 * have the right shape, or that have it without their faulty keys.
 */

import { type Fault, formatPath } from './fault.ts'
import { faultsOf, meantKey, subjectOf, valueAt } from './issue.ts'
import type { ClientDraft } from './schema/client.ts'
import type { ProviderDraft } from './schema/provider.ts'
import { type RegistrationDraft, registrationSchema } from './schema/registration.ts'
import type { ApiResourceDraft, ApiScopeDraft, IdentityResourceDraft } from './schema/resource.ts'
import type { UserDraft } from './schema/user.ts'
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
import type { Shape } from './shape/shape.ts'

/** An entry of a list, and where it stands. */
export type Entry<Value> = {
  /** `clients`, or `tenants[0].clients`. */
  readonly list: string
  readonly index: number
  readonly subject: string
  readonly value: Value
  /** As it was written, without defaults. */
  readonly raw?: unknown
  /** Keys that were taken out since they are faulty: no rule reports on them a second time. */
  readonly damaged: ReadonlySet<string>
}

export type Draft = {
  readonly clients: readonly Entry<ClientDraft>[]
  readonly identity_resources: readonly Entry<IdentityResourceDraft>[]
  readonly api_scopes: readonly Entry<ApiScopeDraft>[]
  readonly api_resources: readonly Entry<ApiResourceDraft>[]
  readonly users: readonly Entry<UserDraft>[]
  readonly identity_providers: readonly Entry<ProviderDraft>[]
  readonly tenants: readonly Entry<TenantDraft>[]
  /** Names of each list, also of entries that can't be read. */
  readonly names: Readonly<Record<(typeof listNames)[number], ReadonlySet<string>>>
  readonly mtls: boolean
  readonly trustedIssuers: boolean
  /** `grantType`s of the module's grants. */
  readonly moduleGrants: readonly string[]
  /** Undefined when its shape has a fault. */
  readonly registration?: { readonly path: string; readonly value: RegistrationDraft }
}

export type Drafted = {
  /** Undefined when the shape has a fault. */
  readonly whole?: ConfigurationDraft
  /** Without the users of tenants that have an issuer of their own. */
  readonly draft: Draft
  /** For each tenant with an issuer of its own, what that issuer's configuration is. */
  readonly tenantDrafts: readonly Draft[]
  readonly faults: readonly Fault[]
}

/** Applies the schema for data, or the one for modules. */
export function draftOf(input: unknown, isModule: boolean): Drafted {
  const schema = isModule ? moduleSchema : dataSchema
  const lists = isModule ? moduleLists : dataLists
  const parsed = schema.safeParse(input)
  const source = (name: string): readonly unknown[] => listAt(input, [name])
  const draft: Draft = {
    ...(Object.fromEntries(
      listNames.map(name => [name, entriesOf(lists[name], name, source(name))]),
    ) as unknown as Lists),
    names: namesOf(source),
    mtls: valueAt(input, ['mtls']) !== undefined,
    trustedIssuers: source('trusted_issuers').length > 0,
    moduleGrants: source('grants').flatMap(grant => {
      const type = valueAt(grant, ['grantType'])
      return typeof type === 'string' ? [type] : []
    }),
    ...registrationAt(input, 'registration'),
  }
  const tenants = source('tenants').flatMap((tenant, index) =>
    typeof valueAt(tenant, ['issuer']) === 'string'
      ? [{ tenant, index, name: nameOf('tenants', tenant) ?? '' }]
      : [],
  )
  const drafts = {
    draft: withUsers(
      draft,
      draft.users.filter(({ value }) => !tenants.some(({ name }) => name === value.tenant)),
    ),
    tenantDrafts: tenants.map(({ tenant, index, name }) =>
      withUsers(tenantDraft(draft, tenant, `tenants[${index}]`, lists), usersOf(draft, name)),
    ),
  }
  return parsed.success
    ? { whole: parsed.data as ConfigurationDraft, ...drafts, faults: [] }
    : { ...drafts, faults: faultsOf(parsed.issues, schema, input) }
}

type Lists = Omit<Draft, 'names' | 'mtls' | 'trustedIssuers' | 'moduleGrants' | 'registration'>

/** A tenant's own lists, and those of the server that it inherits. */
function tenantDraft(
  server: Draft,
  tenant: unknown,
  place: string,
  lists: typeof dataLists | typeof moduleLists,
): Draft {
  const isInherited = (name: ListName): boolean =>
    name === 'users' ||
    (name !== 'tenants' && keyOwners[name] === 'inherited' && valueAt(tenant, [name]) === undefined)
  const own = (name: string): readonly unknown[] => listAt(tenant, [name])
  const entries = listNames.map(name => [
    name,
    isInherited(name) ? server[name] : entriesOf(lists[name], `${place}.${name}`, own(name)),
  ])
  const names = namesOf(own)
  return {
    ...server,
    ...(Object.fromEntries(entries) as unknown as Lists),
    names: Object.fromEntries(
      listNames.map(name => [name, isInherited(name) ? server.names[name] : names[name]]),
    ) as unknown as Draft['names'],
    trustedIssuers: own('trusted_issuers').length > 0,
    ...registrationAt(tenant, `${place}.registration`),
  }
}

function registrationAt(owner: unknown, path: string): Pick<Draft, 'registration'> {
  const outcome = registrationSchema.safeParse(valueAt(owner, ['registration']))
  return outcome.success ? { registration: { path, value: outcome.data } } : {}
}

const withUsers = (draft: Draft, users: Draft['users']): Draft => ({
  ...draft,
  users,
  names: { ...draft.names, users: new Set(users.map(({ value }) => value.sub)) },
})

/** Within their tenant's own issuer they belong to no tenant. */
const usersOf = ({ users }: Draft, name: string): Draft['users'] =>
  users
    .filter(({ value }) => value.tenant === name)
    .map(({ value: { tenant: _, ...value }, ...entry }) => ({ ...entry, value }))

const listAt = (input: unknown, path: readonly PropertyKey[]): readonly unknown[] => {
  const list = valueAt(input, path)
  return Array.isArray(list) ? list : []
}

const entriesOf = (schema: Shape<unknown>, list: string, source: readonly unknown[]) =>
  source.flatMap((raw, index) => {
    const entry = readEntry(schema, raw)
    const kind = list.slice(list.lastIndexOf('.') + 1)
    const subject = subjectOf([kind, index], { [kind]: source }) ?? kind
    return entry ? [{ list, index, subject, raw, ...entry }] : []
  })

const namesOf = (source: (name: string) => readonly unknown[]): Draft['names'] =>
  Object.fromEntries(
    listNames.map(name => [name, new Set(source(name).flatMap(raw => nameOf(name, raw) ?? []))]),
  ) as unknown as Draft['names']

/** Undefined for an entry that has none, which is a fault of its own. */
const nameOf = (list: string, raw: unknown): string | undefined => {
  const name = valueAt(raw, [list === 'clients' ? 'client_id' : list === 'users' ? 'sub' : 'name'])
  return typeof name === 'string' ? name : undefined
}

function readEntry(
  schema: Shape<unknown>,
  raw: unknown,
): { value: never; damaged: ReadonlySet<string> } | undefined {
  const first = schema.safeParse(raw)
  if (first.success) return { value: first.data as never, damaged: new Set() }
  if (typeof raw !== 'object' || raw === null) return undefined
  const damaged = new Set<string>()
  for (const issue of first.issues) {
    if (issue.path.length > 0) damaged.add(String(issue.path[0]))
    else if (issue.code === 'unknown_keys') for (const key of issue.keys) damaged.add(key)
  }
  const kept = Object.fromEntries(Object.entries(raw).filter(([key]) => !damaged.has(key)))
  const second = schema.safeParse(kept)
  if (!second.success) return undefined
  // A misspelt key counts as the key that was meant: it is not missing.
  const known = Object.keys((schema as unknown as { shape: object }).shape)
  for (const key of [...damaged]) {
    const meant = meantKey(key, known)
    if (meant !== undefined) damaged.add(meant)
  }
  return { value: second.data as never, damaged }
}

/** A fault of one key of an entry; none where that key was already found faulty. */
export function faultAt<Value>(
  { list, index, subject, damaged }: Entry<Value>,
  key: keyof Value & string,
  fault: Omit<Fault, 'path' | 'subject'>,
  at?: number,
): readonly Fault[] {
  if (damaged.has(key)) return []
  const path = formatPath([list, index, key, ...(at === undefined ? [] : [at])])
  return [{ path, subject, ...fault }]
}
