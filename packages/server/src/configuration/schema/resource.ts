/** Identity resources, API scopes and API resources. */

import { signingAlgorithms } from '../../model/client.ts'
import { accessTokenTyps, type IdentityResource, type Resources } from '../../model/resource.ts'
import * as s from '../validation/kinds.ts'
import { claimEntries, entryOf } from './claim-rule.ts'
import { secretOf, secretSchema } from './credentials.ts'
import { name, text } from './values.ts'

/** One text, or one for each language. */
const localText = () =>
  s
    .union([text(), s.record(s.string(), text())])
    .refine(
      value =>
        typeof value === 'string' ||
        Object.keys(value).every(tag => /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(tag)),
      {
        problem: 'it contains an invalid language tag',
        expected: 'a text, or an object of texts by language tag (BCP 47), such as "pt-BR"',
        fix: 'write { "en": "…", "de": "…" }',
      },
    )

const shown = {
  display_name: localText().optional().describe('Title on the consent page.'),
  description: localText().optional().describe('Description on the consent page.'),
  required: s.boolean().default(false).describe("Users can't clear it on the consent page."),
  emphasize: s.boolean().default(false).describe('The consent page marks it as sensitive.'),
}

export const identityResourceSchema = s
  .strictObject({
    name: name().describe('The scope.'),
    ...shown,
    claims: claimEntries().default([]).describe('User claims that the scope includes: names, or rules.'),
  })
  .describe('A scope about the user (OpenID Connect Core 1.0 §5.4).')

export const apiScopeSchema = s
  .strictObject({
    name: name().describe('The scope.'),
    ...shown,
    claims: claimEntries()
      .default([])
      .describe('User claims in access tokens with this scope: names, or rules.'),
  })
  .describe('A scope of an API.')

export const apiResourceSchema = s
  .strictObject({
    name: name().describe("The audience of access tokens, and the API's user name at introspection."),
    display_name: text().optional().describe('Display name.'),
    scopes: s.array(name()).default([]).describe('API scopes of this API.'),
    default_scopes: s
      .array(name())
      .optional()
      .describe(
        'Scopes of requests with this API as resource and without scope, as far as the client may use them; empty: such requests must name scopes. Omitted: all that the client may use.',
      ),
    claims: claimEntries()
      .default([])
      .describe('User claims in access tokens for this API: names, or rules.'),
    introspection_client_id: s
      .string()
      .min(1)
      .max(100)
      .regex(/^[\x20-\x39\x3B-\x7E]*$/, 'printable ASCII without a colon')
      .optional()
      .describe('Additional user name at introspection, for callers that do not support a colon.'),
    api_secrets: s.array(secretSchema).default([]).describe('Secrets for introspection.'),
    access_token_typ: s
      .enum(accessTokenTyps)
      .optional()
      .describe('typ of JWT access tokens (RFC 9068 §2.1). Omitted: at+jwt.'),
    access_token_signing_alg: s
      .enum(signingAlgorithms)
      .optional()
      .describe(
        'Signing algorithm of JWT access tokens. Omitted: ES256, or the first of signature_algorithms if they lack it.',
      ),
  })
  .describe('An API: the audience of access tokens with one of its scopes.')

export type IdentityResourceDraft = s.output<typeof identityResourceSchema>
export type ApiScopeDraft = s.output<typeof apiScopeSchema>
export type ApiResourceDraft = s.output<typeof apiResourceSchema>

export const standardIdentityResources: readonly IdentityResource[] = [
  { name: 'openid', claims: ['sub'] },
  {
    name: 'profile',
    claims: [
      'name',
      'family_name',
      'given_name',
      'middle_name',
      'nickname',
      'preferred_username',
      'profile',
      'picture',
      'website',
      'gender',
      'birthdate',
      'zoneinfo',
      'locale',
      'updated_at',
    ],
  },
  { name: 'email', claims: ['email', 'email_verified'] },
  { name: 'address', claims: ['address'] },
  { name: 'phone', claims: ['phone_number', 'phone_number_verified'] },
]

export const resourcesOf = (draft: {
  readonly identity_resources: readonly IdentityResourceDraft[]
  readonly api_scopes: readonly ApiScopeDraft[]
  readonly api_resources: readonly ApiResourceDraft[]
}): Resources => ({
  // A redefined standard resource replaces the standard one and keeps its place.
  identity: byName([...standardIdentityResources, ...draft.identity_resources.map(withEntries)]),
  apiScopes: byName(draft.api_scopes.map(withEntries)),
  apis: byName(
    draft.api_resources.map(api => ({ ...withEntries(api), api_secrets: api.api_secrets.map(secretOf) })),
  ),
})

const withEntries = <Of extends Pick<ApiScopeDraft, 'claims'>>(draft: Of) => ({
  ...draft,
  claims: draft.claims.map(entryOf),
})

export const byName = <Value extends { readonly name: string }>(
  values: readonly Value[],
): ReadonlyMap<string, Value> => new Map(values.map(value => [value.name, value]))
