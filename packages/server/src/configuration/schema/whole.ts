/** A whole configuration: as data (JSON, JSONC, YAML) and as a module, which may also hold code. */

import { z } from 'zod'
import { clientSchema } from './client.ts'
import { codeShape, moduleProviderSchema } from './code.ts'
import { deploymentShape } from './deployment.ts'
import { providerSchema } from './provider.ts'
import { apiResourceSchema, apiScopeSchema, identityResourceSchema } from './resource.ts'
import { tenantSchema, userSchema } from './user.ts'

/** The lists of a configuration, each with the schema of an entry. */
const lists = {
  clients: clientSchema,
  identity_resources: identityResourceSchema,
  api_scopes: apiScopeSchema,
  api_resources: apiResourceSchema,
  users: userSchema,
  identity_providers: providerSchema,
  tenants: tenantSchema,
} as const

export const dataSchema = z
  .strictObject({
    $schema: z.string().optional().describe('Where editors find the schema of this file.'),
    ...deploymentShape,
    clients: z.array(clientSchema).default([]).describe('The applications that may ask for tokens.'),
    identity_resources: z
      .array(identityResourceSchema)
      .default([])
      .describe('Scopes about the user; openid, profile, email, address and phone exist unless redefined.'),
    api_scopes: z.array(apiScopeSchema).default([]).describe('Scopes of APIs.'),
    api_resources: z.array(apiResourceSchema).default([]).describe('APIs.'),
    users: z.array(userSchema).default([]).describe('Local accounts.'),
    identity_providers: z.array(providerSchema).default([]).describe('Where else users can sign in.'),
    tenants: z.array(tenantSchema).default([]).describe('The tenants.'),
  })
  .meta({ title: 'Tessera configuration' })

export const moduleSchema = dataSchema.extend({
  ...codeShape,
  identity_providers: z.array(moduleProviderSchema).default([]),
})

export const dataLists = lists
export const moduleLists = { ...lists, identity_providers: moduleProviderSchema } as const

export type ListName = keyof typeof lists
export const listNames = Object.keys(lists) as readonly ListName[]

/** What a module may export. */
export type ConfigurationInput = z.input<typeof moduleSchema>
/** A configuration of the right shape with its defaults; the rules between its parts come next. */
export type ConfigurationDraft = z.output<typeof moduleSchema>
