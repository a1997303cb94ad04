/** A whole configuration: as data (JSON, JSONC, YAML) and as a module, which may also hold code. */

import * as z from '../shape/shapes.ts'
import { authorizationRequestsSchema } from './authorization-requests.ts'
import { clientSchema } from './client.ts'
import { codeShape, moduleProviderSchema } from './code.ts'
import { deploymentShape } from './deployment.ts'
import { providerSchema } from './provider.ts'
import { registrationSchema } from './registration.ts'
import { apiResourceSchema, apiScopeSchema, identityResourceSchema } from './resource.ts'
import { type KeyOwner, tenantSchemaOf } from './tenant.ts'
import { userSchema } from './user.ts'

/** Every key but `tenants`. */
const settings = {
  ...deploymentShape,
  clients: z.array(clientSchema).default([]).describe('The applications that may ask for tokens.'),
  registration: registrationSchema,
  authorization_requests: authorizationRequestsSchema,
  identity_resources: z
    .array(identityResourceSchema)
    .default([])
    .describe('Scopes about the user; openid, profile, email, address and phone exist unless redefined.'),
  api_scopes: z.array(apiScopeSchema).default([]).describe('Scopes of APIs.'),
  api_resources: z.array(apiResourceSchema).default([]).describe('APIs.'),
  users: z.array(userSchema).default([]).describe('Local accounts.'),
  identity_providers: z.array(providerSchema).default([]).describe('Where else users can sign in.'),
}
const moduleSettings = {
  ...settings,
  ...codeShape,
  identity_providers: z.array(moduleProviderSchema).default([]),
}

/** Whose each key is to a tenant with an issuer of its own. */
export const keyOwners = {
  issuer: 'server',
  host: 'server',
  port: 'server',
  storage: 'server',
  workers: 'server',
  metrics: 'server',
  drain_delay: 'server',
  storage_pool_size: 'server',
  storage_replica: 'server',
  storagePassword: 'server',
  master_key_file: 'server',
  trusted_proxies: 'server',
  trust_forwarded_host: 'server',
  mtls: 'server',
  outbound: 'server',
  // A user says which tenant is theirs.
  users: 'server',
  clients: 'own',
  identity_providers: 'own',
  trusted_issuers: 'own',
  registration: 'own',
  authorization_requests: 'inherited',
  accounts: 'own',
  mail: 'inherited',
  identity_resources: 'inherited',
  api_scopes: 'inherited',
  // Without the secrets.
  api_resources: 'inherited',
  compatibility: 'inherited',
  unknown_scopes: 'inherited',
  emit_state_hash: 'inherited',
  client_assertion_audience: 'inherited',
  client_assertion_max_lifetime: 'inherited',
  sessions: 'inherited',
  mfa: 'inherited',
  mfaPolicy: 'inherited',
  consentPolicy: 'inherited',
  branding: 'inherited',
  templates: 'inherited',
  grants: 'inherited',
  validators: 'inherited',
  profile: 'inherited',
  federation: 'inherited',
} as const satisfies Record<keyof typeof moduleSettings, KeyOwner>

/** What a key is where it stands nowhere; undefined for one that is optional. */
export const valueWithout = (key: keyof typeof keyOwners): unknown => moduleSettings[key].parse(undefined)

const tenantSchema = tenantSchemaOf(settings, keyOwners)
const moduleTenantSchema = tenantSchemaOf(moduleSettings, keyOwners)
const tenants = 'The tenants.'

export const dataSchema = z.strictObject({
  $schema: z.string().optional().describe('Where editors find the schema of this file.'),
  ...settings,
  tenants: z.array(tenantSchema).default([]).describe(tenants),
})

export const moduleSchema = z.strictObject({
  $schema: z.string().optional(),
  ...moduleSettings,
  tenants: z.array(moduleTenantSchema).default([]).describe(tenants),
})

/** The lists of a configuration, each with the schema of an entry. */
export const dataLists = {
  clients: clientSchema,
  identity_resources: identityResourceSchema,
  api_scopes: apiScopeSchema,
  api_resources: apiResourceSchema,
  users: userSchema,
  identity_providers: providerSchema,
  tenants: tenantSchema,
} as const
export const moduleLists = {
  ...dataLists,
  identity_providers: moduleProviderSchema,
  tenants: moduleTenantSchema,
} as const

export type ListName = keyof typeof dataLists
export const listNames = Object.keys(dataLists) as readonly ListName[]

export type TenantDraft = z.output<typeof moduleTenantSchema>

/** What a module may export. */
export type ConfigurationInput = z.input<typeof moduleSchema>
/** A configuration of the right shape with its defaults; the rules between its parts come next. */
export type ConfigurationDraft = z.output<typeof moduleSchema>
