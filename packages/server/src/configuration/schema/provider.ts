/** Upstream identity providers as a configuration writes them. */

import { z } from 'zod'
import { name, text, webUrl } from './rule.ts'

export const providerSchema = z
  .strictObject({
    name: name().describe('What acr_values=idp:NAME and identity_provider_restrictions call it.'),
    display_name: text().optional().describe('Its name on the login page.'),
    type: z
      .enum(['oidc'])
      .describe('oidc: an OpenID Connect provider. A module may name its own with a credentialAuthority.'),
    issuer: webUrl().optional().describe('Its issuer; contacted when first used.'),
    client_id: z.string().min(1).max(200).optional().describe('What this server is registered as there.'),
    client_secret: z.string().min(1).max(4096).optional().describe('Its secret there.'),
    scope: z
      .string()
      .min(1)
      .max(1000)
      .optional()
      .describe('What it asks for there; omitted: openid profile email.'),
  })
  .describe('An identity provider to which sign-in can be handed on.')

export type ProviderDraft = Omit<z.output<typeof providerSchema>, 'type'> & {
  readonly type: string
  readonly credentialAuthority?: unknown
}
