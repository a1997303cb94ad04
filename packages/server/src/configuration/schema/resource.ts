/** Identity resources, API scopes and API resources as a configuration writes them. */

import { signingAlgorithms } from '../../model/client.ts'
import { accessTokenTyps } from '../../model/resource.ts'
import * as z from '../shape/shapes.ts'
import { name, rule, text } from './rule.ts'
import { secretSchema } from './secret.ts'

/** One text, or one for each language. */
const localText = () =>
  z.union([text(), z.record(z.string(), text())]).check(
    rule(value =>
      typeof value === 'string' || Object.keys(value).every(tag => /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(tag))
        ? undefined
        : {
            problem: 'it names a language that is none',
            expected: 'a text, or an object of texts by language tags (BCP 47), such as "pt-BR"',
            fix: 'write { "en": "…", "de": "…" }',
          },
    ),
  )

const shown = {
  display_name: localText().optional().describe('What it means, for the consent page.'),
  description: localText().optional().describe('More about it, for the consent page.'),
  required: z.boolean().default(false).describe('Whoever agrees at all agrees to it.'),
  emphasize: z.boolean().default(false).describe('The consent page marks it as sensitive.'),
}

const claimNames = () => z.array(z.string().min(1).max(200))

export const identityResourceSchema = z
  .strictObject({
    name: name().describe('The scope.'),
    ...shown,
    claims: claimNames().default([]).describe('The user claims that it opens.'),
  })
  .describe('A scope about the user (OpenID Connect Core 1.0 §5.4).')

export const apiScopeSchema = z
  .strictObject({
    name: name().describe('The scope.'),
    ...shown,
    claims: claimNames().default([]).describe('The user claims that access tokens with it carry.'),
  })
  .describe('A scope of an API.')

export const apiResourceSchema = z
  .strictObject({
    name: name().describe('The audience of access tokens, and its user name at introspection.'),
    display_name: text().optional().describe('Its name for people.'),
    scopes: z.array(name()).default([]).describe('The API scopes that belong to it.'),
    claims: claimNames().default([]).describe('The user claims that access tokens for it carry.'),
    introspection_client_id: z
      .string()
      .min(1)
      .max(100)
      .regex(/^[\x20-\x39\x3B-\x7E]*$/, 'printable ASCII without a colon')
      .optional()
      .describe(
        'Another user name at introspection, for callers that can send no colon; its name stays one.',
      ),
    api_secrets: z.array(secretSchema).default([]).describe('How it authenticates at introspection.'),
    access_token_typ: z
      .enum(accessTokenTyps)
      .optional()
      .describe('The typ of its JWT access tokens; omitted: at+jwt (RFC 9068 §2.1).'),
    access_token_signing_alg: z
      .enum(signingAlgorithms)
      .optional()
      .describe('What its JWT access tokens are signed with; omitted: ES256.'),
  })
  .describe('An API: the audience of access tokens with one of its scopes.')

export type IdentityResourceDraft = z.output<typeof identityResourceSchema>
export type ApiScopeDraft = z.output<typeof apiScopeSchema>
export type ApiResourceDraft = z.output<typeof apiResourceSchema>
