/** The operations on clients, resources, identity providers and tenants, which are the same for each kind. */

import { dataLists } from '../../configuration/schema/whole.ts'
import * as s from '../../configuration/validation/kinds.ts'
import type { AdminScope } from '../../model/admin-api.ts'
import type { EntryKind } from '../../model/entry.ts'
import { pageParameters } from './list.ts'
import type { Description, Descriptions } from './operation.ts'

/** How a kind is called here. */
export const entryKinds = {
  clients: { noun: 'Client', plural: 'Clients', path: '/clients', key: 'client_id', group: 'clients' },
  api_scopes: { noun: 'ApiScope', plural: 'ApiScopes', path: '/api-scopes', key: 'name', group: 'resources' },
  api_resources: {
    noun: 'ApiResource',
    plural: 'ApiResources',
    path: '/api-resources',
    key: 'name',
    group: 'resources',
  },
  identity_resources: {
    noun: 'IdentityResource',
    plural: 'IdentityResources',
    path: '/identity-resources',
    key: 'name',
    group: 'resources',
  },
  identity_providers: {
    noun: 'IdentityProvider',
    plural: 'IdentityProviders',
    path: '/identity-providers',
    key: 'name',
    group: 'providers',
  },
  tenants: { noun: 'Tenant', plural: 'Tenants', path: '/tenants', key: 'name', group: 'tenants' },
} as const satisfies Readonly<
  Record<
    EntryKind,
    {
      readonly noun: string
      readonly plural: string
      readonly path: `/${string}`
      readonly key: string
      readonly group: string
    }
  >
>

type Kinds = typeof entryKinds

/** The kinds whose entries have secrets that authenticate them: the member of a response with a generated one. */
const secretMembers = {
  clients: 'client_secret',
  api_resources: 'api_secret',
} as const satisfies Partial<Record<EntryKind, string>>

export const secretMemberOf = (kind: EntryKind): string | undefined =>
  Object.hasOwn(secretMembers, kind) ? secretMembers[kind as keyof typeof secretMembers] : undefined

/** Members of a response that no request sets. They are ignored, so that what was read can be sent back. */
export const readOnlyMembers: ReadonlySet<string> = new Set(['origin', 'created_at', 'updated_at'])

const generated = s.string().optional().describe('The generated secret, which is not shown again.')

const shown = (noun: string, secretMember: string | undefined) =>
  s
    .object({
      origin: s
        .enum(['file', 'stored', 'registered'])
        .describe(
          'file: from the configuration file, and read-only. stored: made at run time. registered: the client registered itself, and can only be deleted.',
        ),
      created_at: s.int().optional().describe('Seconds since 1970.'),
      updated_at: s.int().optional().describe('Seconds since 1970.'),
      ...(secretMember !== undefined && { [secretMember]: generated }),
    })
    .describe(
      `The members of ${noun}Entry as they were written, without defaults, and those below. In the place of a secret is an object with the member hidden, which keeps the secret if it is sent.`,
    )

export const entrySchemas = Object.fromEntries(
  Object.entries(entryKinds).map(([kind, { noun }]) => [
    noun,
    shown(noun, secretMemberOf(kind as EntryKind)),
  ]),
)

const filters = {
  text: { schema: s.string().min(1).max(200), description: 'A part of the id or of the name, in any case.' },
  origin: { schema: s.enum(['file', 'stored', 'registered']), description: 'Where the entry comes from.' },
}

const generateSecret = {
  generate_secret: {
    schema: s.boolean(),
    description: 'true: adds a new secret, which the response contains.',
  },
}

type Six<Of extends Kinds[EntryKind]> =
  | `list${Of['plural']}`
  | `${'create' | 'read' | 'put' | 'patch' | 'delete'}${Of['noun']}`

function operationsOf<Kind extends EntryKind>(kind: Kind): Readonly<Record<Six<Kinds[Kind]>, Description>> {
  const { noun, plural, path, key, group } = entryKinds[kind]
  const what = `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${wordsOf(noun)}`
  const read: AdminScope = `admin:${group}.read`
  const write: AdminScope = `admin:${group}.write`
  const one = `${path}/{${key}}`
  const tag = plural.replaceAll(/(?<=[a-z])[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
  const hasSecrets = secretMemberOf(kind) !== undefined
  const body = { schema: dataLists[kind], name: `${noun}Entry`, checkedLater: true } as const
  const power = kind === 'clients' ? (['admin_scope_exceeded'] as const) : []
  const inUse =
    kind === 'tenants'
      ? (['admin_entry_in_use', 'admin_entry_has_users'] as const)
      : (['admin_entry_in_use'] as const)
  const versions = [
    'admin_precondition_missing',
    'admin_precondition_failed',
    'admin_entry_read_only',
  ] as const
  const operations: Descriptions = {
    [`list${plural}`]: {
      method: 'GET',
      path,
      tag,
      scope: read,
      summary: `List ${wordsOf(plural)} in the order of their ids.`,
      query: { ...pageParameters, ...filters },
      success: { 200: { description: 'A page.', schema: noun, list: true } },
      problems: ['admin_cursor_invalid'],
    },
    [`create${noun}`]: {
      method: 'POST',
      path,
      tag,
      scope: write,
      summary: `Create ${what}.${kind === 'clients' ? ' Without client_id, it gets a random one.' : ''}`,
      body: { ...body, type: 'application/json' },
      ...(hasSecrets && { query: generateSecret }),
      dryRun: true,
      success: {
        200: { description: 'With dry_run: the entry that would be created.', schema: noun },
        201: { description: 'The new entry.', schema: noun },
      },
      problems: ['admin_entry_invalid', 'admin_entry_exists', ...power],
    },
    [`read${noun}`]: {
      method: 'GET',
      path: one,
      tag,
      scope: read,
      summary: `Read ${what}.`,
      conditions: 'none-match',
      success: {
        200: { description: 'The entry.', schema: noun },
        304: { description: 'The version of If-None-Match is the newest.' },
      },
      problems: ['admin_entry_unknown'],
    },
    [`put${noun}`]: {
      method: 'PUT',
      path: one,
      tag,
      scope: write,
      summary: `Create ${what} with this id, or replace it.`,
      body: { ...body, type: 'application/json' },
      ...(hasSecrets && { query: generateSecret }),
      conditions: 'match',
      dryRun: true,
      success: {
        200: { description: 'The replaced entry, or with dry_run the entry as it would be.', schema: noun },
        201: { description: 'The new entry.', schema: noun },
      },
      problems: ['admin_entry_invalid', ...inUse, ...versions, ...power],
    },
    [`patch${noun}`]: {
      method: 'PATCH',
      path: one,
      tag,
      scope: write,
      summary: `Change members of ${what}.`,
      body: { ...body, type: 'application/merge-patch+json' },
      conditions: 'match',
      dryRun: true,
      success: { 200: { description: 'The changed entry.', schema: noun } },
      problems: ['admin_entry_unknown', 'admin_entry_invalid', ...inUse, ...versions, ...power],
    },
    [`delete${noun}`]: {
      method: 'DELETE',
      path: one,
      tag,
      scope: write,
      summary: `Delete ${what}, unless other entries refer to it${kind === 'tenants' ? ' or users belong to it' : ''}.`,
      conditions: 'match',
      dryRun: true,
      success: {
        200: { description: 'With dry_run: the entry that would be deleted.', schema: noun },
        204: { description: 'The entry was deleted.' },
      },
      problems: ['admin_entry_unknown', ...inUse, ...versions, ...power],
    },
  }
  return operations as Readonly<Record<Six<Kinds[Kind]>, Description>>
}

/** `ApiScopes` → `API scopes`. */
const wordsOf = (name: string): string =>
  name
    .replaceAll(/(?<=[a-z])[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
    .replace(/^Api/, 'API')
    .replace(/^[A-Z](?=[a-z])/, letter => letter.toLowerCase())

const rotationSchema = s
  .strictObject({
    overlap: s
      .int()
      .min(0)
      .max(31_536_000)
      .default(0)
      .describe('How long the secrets until now remain valid, in seconds.'),
  })
  .describe('The new secret is random.')

const rotation = (kind: keyof typeof secretMembers): Description => {
  const { noun, plural, path, key, group } = entryKinds[kind]
  return {
    method: 'POST',
    path: `${path}/{${key}}/secrets`,
    tag: plural.replaceAll(/(?<=[a-z])[A-Z]/g, letter => ` ${letter.toLowerCase()}`),
    scope: `admin:${group}.write`,
    summary: 'Add a new secret, and let the others expire.',
    body: { type: 'application/json', schema: rotationSchema },
    conditions: 'match',
    dryRun: true,
    success: { 200: { description: 'The entry, with the new secret.', schema: noun } },
    problems: [
      'admin_entry_unknown',
      'admin_entry_read_only',
      'admin_precondition_failed',
      ...(kind === 'clients' ? (['admin_scope_exceeded'] as const) : []),
    ],
  }
}

export const entryOperations = {
  ...operationsOf('clients'),
  rotateClientSecret: rotation('clients'),
  revokeClient: {
    method: 'POST',
    path: '/clients/{client_id}/revocation',
    tag: 'Clients',
    scope: 'admin:clients.write',
    summary: 'Revoke every token of a client. It can request new ones, unless it is disabled.',
    success: {
      204: {
        description:
          'Authorizations and tokens from before are no longer valid, on every node within a second.',
      },
    },
    problems: ['admin_entry_unknown', 'admin_scope_exceeded'],
  },
  ...operationsOf('api_scopes'),
  ...operationsOf('api_resources'),
  rotateApiResourceSecret: rotation('api_resources'),
  ...operationsOf('identity_resources'),
  ...operationsOf('identity_providers'),
  ...operationsOf('tenants'),
} as const satisfies Descriptions
