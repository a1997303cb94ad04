/** The names of the admin API, its scopes, and how its changes are reported. */

import type { Seconds } from '@tessera/protocol/brand'
import type { ApiResource, ApiScope, Resources } from './resource.ts'

/** Below the issuer. */
export const adminPath = '/admin/api/v1'

/** Below {@link adminPath}. The metadata of the server contains it. */
export const globalRevocationPath = '/global-token-revocation'

/**
 * Returns whether a URL can't contain the id as a segment of its path. Programs resolve it (RFC 3986 §5.2.4), also if it is
 * percent-encoded, so that a request about one user could reach an operation on all of them.
 */
export const isDotSegment = (id: string): boolean => id === '.' || id === '..'

/** The audience of its access tokens. */
export const adminAudience = 'urn:tessera:admin'

/** Its scopes, with what each allows. */
const allowed = {
  'admin:clients.read': 'Read clients.',
  'admin:clients.write': 'Create, change and delete clients.',
  'admin:blocks.read': 'Read which self-registered clients and redirect hosts are blocked.',
  'admin:blocks.write': 'Block self-registered clients and redirect hosts, and end blocks.',
  'admin:resources.read': 'Read API scopes, API resources and identity resources.',
  'admin:resources.write': 'Create, change and delete API scopes, API resources and identity resources.',
  'admin:providers.read': 'Read identity providers.',
  'admin:providers.write': 'Create, change and delete identity providers.',
  'admin:tenants.read': 'Read tenants.',
  'admin:tenants.write': 'Create, change and delete tenants.',
  'admin:users.read': 'Read users.',
  'admin:users.write': 'Create, change, disable and delete users.',
  'admin:users.passwords': 'Set passwords, import password hashes, and remove second factors.',
  'admin:users.export': 'Read everything that is stored about users.',
  'admin:users.revoke': 'End the sessions of single users, and revoke their tokens.',
  'admin:sessions.read': "Read users' sessions.",
  'admin:sessions.write': "End users' sessions, and revoke their tokens.",
  'admin:audit.read': 'Read the audit log.',
  'admin:keys.read': 'Read the list of signing keys.',
  'admin:keys.write': 'Rotate signing keys.',
} as const

export type AdminScope = keyof typeof allowed
export const adminScopes = Object.keys(allowed) as readonly AdminScope[]

export const isAdminScope = (name: string): name is AdminScope => Object.hasOwn(allowed, name)

/** Returns what a scope allows. */
export const describeAdminScope = (scope: AdminScope): string => allowed[scope]

const api: ApiResource = { name: adminAudience, scopes: adminScopes, claims: [], api_secrets: [] }

/** Adds the admin API and its scopes. */
export const withAdminApi = (resources: Resources): Resources => ({
  ...resources,
  apiScopes: new Map([
    ...resources.apiScopes,
    ...adminScopes.map((name): [string, ApiScope] => [name, { name, claims: [], administers: true }]),
  ]),
  apis: new Map([...resources.apis, [adminAudience, api]]),
})

/** A change that was made through the admin API. */
type AdminChange = {
  /** The `operationId` of the OpenAPI document. */
  readonly operation: string
  readonly kind: string
  /** The `client_id`, `sub` or name of what changed. */
  readonly id: string
  readonly actor: { readonly client_id: string; readonly sub: string }
  readonly request_id: string
  /** The network of the request. */
  readonly network: string
  readonly at: Seconds
}

/** Called once for each change, after it was stored. */
export type NoteAdminChange = (change: AdminChange) => void
