/** A whole configuration: as data (JSON, JSONC, YAML) and as a module, which may also contain code. */

import type { JsonObject } from '@tessera/protocol/result'
import * as s from '../validation/kinds.ts'
import { userSchema } from './accounts.ts'
import { adminApiSchema } from './admin-api.ts'
import { authorizationRequestsSchema } from './authorization-requests.ts'
import { authorizationResponsesSchema } from './authorization-responses.ts'
import { clientSchema } from './client.ts'
import { codeFields, codeOwners, moduleProviderSchema } from './code.ts'
import { deploymentFields, deploymentOwners } from './deployment.ts'
import { providerSchema } from './provider.ts'
import { registrationSchema } from './registration.ts'
import { apiResourceSchema, apiScopeSchema, identityResourceSchema } from './resource.ts'
import { type KeyOwner, tenantSchemaOf } from './tenant.ts'

/** Every key except `tenants`. */
const settings = {
  ...deploymentFields,
  clients: s.array(clientSchema).default([]).describe('The applications that may request tokens.'),
  registration: registrationSchema,
  admin_api: adminApiSchema,
  authorization_requests: authorizationRequestsSchema,
  authorization_responses: authorizationResponsesSchema,
  identity_resources: s
    .array(identityResourceSchema)
    .default([])
    .describe('Scopes about the user. openid, profile, email, address and phone are predefined.'),
  api_scopes: s.array(apiScopeSchema).default([]).describe('Scopes of APIs.'),
  api_resources: s.array(apiResourceSchema).default([]).describe('APIs.'),
  users: s.array(userSchema).default([]).describe('Local accounts.'),
  identity_providers: s
    .array(providerSchema)
    .default([])
    .describe('Providers and directories where users can sign in.'),
}
const moduleSettings = {
  ...settings,
  ...codeFields,
  identity_providers: s.array(moduleProviderSchema).default([]),
}

export const keyOwners = {
  ...deploymentOwners,
  ...codeOwners,
  clients: 'own',
  registration: 'own',
  admin_api: 'own',
  authorization_requests: 'inherited',
  authorization_responses: 'inherited',
  identity_resources: 'inherited',
  api_scopes: 'inherited',
  // Without the secrets.
  api_resources: 'inherited',
  // Each user names their tenant.
  users: 'server',
  identity_providers: 'own',
} as const satisfies Record<keyof typeof moduleSettings, KeyOwner>

/** Returns the value of an omitted key; undefined if the key is optional. */
export const valueOfOmitted = (key: keyof typeof keyOwners): unknown => moduleSettings[key].parse(undefined)

const tenantSchema = tenantSchemaOf(settings, keyOwners)
const moduleTenantSchema = tenantSchemaOf(moduleSettings, keyOwners)
const tenants = 'The tenants.'

export const dataSchema = s.strictObject({
  $schema: s.string().optional().describe('The JSON Schema of this file, for editors.'),
  ...settings,
  tenants: s.array(tenantSchema).default([]).describe(tenants),
})

export const moduleSchema = s.strictObject({
  $schema: s.string().optional(),
  ...moduleSettings,
  tenants: s.array(moduleTenantSchema).default([]).describe(tenants),
})

/** The lists of a configuration, with the schema of their entries. */
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

export type TenantDraft = s.output<typeof moduleTenantSchema>

/** The configuration that a module exports. */
export type ConfigurationInput = s.input<typeof moduleSchema>

/**
 * A configuration that matches the schema, with defaults. Rules that involve several of its parts are not checked yet.
 */
export type ConfigurationDraft = s.output<typeof moduleSchema>

/**
 * Declares a configuration, so that editors complete and check it. It has the keys of a file, and those that are code:
 * `grants`, `validators`, `profile` and providers' `credentialAuthority`, for example.
 */
export const defineConfig = (configuration: ConfigurationInput): ConfigurationInput => configuration

type Node = { properties: Record<string, Node>; items: Node; $ref?: string }

/**
 * Returns the JSON Schema of configuration files, with which editors complete and check them
 * (`docs/configuration.schema.json`). It is draft 7, which editors support best.
 */
export function configurationJsonSchema(): JsonObject {
  const schema: JsonObject = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Tessera configuration',
    ...dataSchema.jsonSchema(),
  }
  const tenant = (schema as Node).properties.tenants!.items
  // A tenant's key has the schema of the server's key.
  for (const [key, owner] of Object.entries(keyOwners))
    if (owner !== 'server' && key in tenant.properties)
      tenant.properties[key] = { $ref: `#/properties/${key}` } as Node
  return schema as JsonObject
}
