/**
 * What can be read of a configuration, faulty or not, so that one run finds every fault: the entries of each list that
 * have the right shape, or that have it without their faulty keys.
 */

import type { z } from 'zod'
import { type Fault, formatPath } from './fault.ts'
import { faultsOf, meantKey, subjectOf, valueAt } from './issue.ts'
import type { ClientDraft } from './schema/client.ts'
import type { ProviderDraft } from './schema/provider.ts'
import type { ApiResourceDraft, ApiScopeDraft, IdentityResourceDraft } from './schema/resource.ts'
import type { TenantDraft, UserDraft } from './schema/user.ts'
import {
  type ConfigurationDraft,
  dataLists,
  dataSchema,
  listNames,
  moduleLists,
  moduleSchema,
} from './schema/whole.ts'

/** An entry of a list, and where it stands. */
export type Entry<Value> = {
  readonly list: string
  readonly index: number
  readonly subject: string
  readonly value: Value
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
}

export type Drafted = {
  /** Undefined when the shape has a fault. */
  readonly whole?: ConfigurationDraft
  readonly draft: Draft
  readonly faults: readonly Fault[]
}

/** Applies the schema for data, or the one for modules. */
export function draftOf(input: unknown, isModule: boolean): Drafted {
  const schema = isModule ? moduleSchema : dataSchema
  const lists = isModule ? moduleLists : dataLists
  const parsed = schema.safeParse(input)
  const source = (name: string): readonly unknown[] => {
    const list = valueAt(input, [name])
    return Array.isArray(list) ? list : []
  }
  const entries = Object.fromEntries(
    listNames.map(name => [
      name,
      source(name).flatMap((raw, index) => {
        const entry = readEntry(lists[name], raw)
        const subject = subjectOf([name, index], input) ?? name
        return entry ? [{ list: name, index, subject, ...entry }] : []
      }),
    ]),
  ) as unknown as Omit<Draft, 'names' | 'mtls' | 'trustedIssuers' | 'moduleGrants'>
  const draft: Draft = {
    ...entries,
    names: Object.fromEntries(
      listNames.map(name => [name, new Set(source(name).map(raw => nameOf(name, raw)))]),
    ) as unknown as Draft['names'],
    mtls: valueAt(input, ['mtls']) !== undefined,
    trustedIssuers: source('trusted_issuers').length > 0,
    moduleGrants: source('grants').flatMap(grant => {
      const type = valueAt(grant, ['grantType'])
      return typeof type === 'string' ? [type] : []
    }),
  }
  return parsed.success
    ? { whole: parsed.data as ConfigurationDraft, draft, faults: [] }
    : { draft, faults: faultsOf(parsed.error.issues, schema, input) }
}

const nameOf = (list: string, raw: unknown): string =>
  String(valueAt(raw, [list === 'clients' ? 'client_id' : list === 'users' ? 'sub' : 'name']))

function readEntry(
  schema: z.ZodType,
  raw: unknown,
): { value: never; damaged: ReadonlySet<string> } | undefined {
  const first = schema.safeParse(raw)
  if (first.success) return { value: first.data as never, damaged: new Set() }
  if (typeof raw !== 'object' || raw === null) return undefined
  const damaged = new Set<string>()
  for (const issue of first.error.issues) {
    if (issue.path.length > 0) damaged.add(String(issue.path[0]))
    else if (issue.code === 'unrecognized_keys') for (const key of issue.keys) damaged.add(key)
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
