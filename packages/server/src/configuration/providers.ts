/** From the draft of an identity provider to the provider. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Directory, IdentityProvider, UpstreamProvider } from '../model/user.ts'
import { checkedAuthority } from './hooks.ts'
import type { ProviderDraft } from './schema/provider.ts'
import { standardIdentityResources } from './standard-resources.ts'

/** @param directory what a relative `ca_file` starts from. */
export function providerOf(draft: ProviderDraft, directory: string): IdentityProvider {
  const { name, display_name, type, tenants, domains, linking, credentialAuthority } = draft
  const upstream = type === 'oidc' ? upstreamOf(draft) : undefined
  const ldap = type === 'ldap' ? directoryOf(draft, directory) : undefined
  return {
    ...{ name, type, tenants, domains, linking },
    ...(display_name !== undefined && { display_name }),
    ...(upstream && { upstream }),
    ...(ldap && { directory: ldap }),
    ...(credentialAuthority !== undefined && {
      credentialAuthority: checkedAuthority(
        `identity_providers.${name}.credentialAuthority`,
        credentialAuthority as NonNullable<IdentityProvider['credentialAuthority']>,
      ),
    }),
  }
}

function upstreamOf(draft: ProviderDraft): UpstreamProvider | undefined {
  const { issuer, client_id, client_secret, client_jwk, token_endpoint_auth_method } = draft
  const { id_token_signed_response_alg, scope, response_mode, userinfo, trust_amr } = draft
  if (issuer === undefined || client_id === undefined) return undefined
  return {
    ...{ issuer, client_id, response_mode, userinfo, trust_amr },
    ...(client_secret !== undefined && { client_secret }),
    ...(client_jwk && { client_jwk }),
    ...(token_endpoint_auth_method && { token_endpoint_auth_method }),
    ...(id_token_signed_response_alg && { id_token_signed_response_alg }),
    scope: scope ?? 'openid profile email',
    acr_mapping: draft.acr_mapping,
    end_session: draft.end_session,
    claims: { ...asTheyAre(draft.claims ?? standardClaims), ...draft.claim_mapping },
    list_claims: new Set(draft.list_claims),
  }
}

/** OpenID Connect Core 1.0 §5.1, without `sub`. */
const standardClaims = standardIdentityResources
  .filter(({ name }) => name !== 'openid')
  .flatMap(({ claims }) => claims)

const asTheyAre = (claims: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(claims.map(claim => [claim, claim]))

/** RFC 4519 and RFC 2798: what people have in most directories. */
const standardAttributes: Readonly<Record<string, string>> = {
  name: 'cn',
  given_name: 'givenName',
  family_name: 'sn',
  preferred_username: 'uid',
  email: 'mail',
  phone_number: 'telephoneNumber',
}

/** RFC 9068 §2.2.3.1 (RFC 7643 §4.1.2): these are lists, and what one user has must not have another type than what two have. */
const lists: ReadonlySet<string> = new Set(['groups', 'roles', 'entitlements'])
const attributesOfGroups: ReadonlySet<string> = new Set(['memberof', 'ismemberof'])

const listsOf = (claims: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(claims)
    .filter(([claim, attribute]) => lists.has(claim) || attributesOfGroups.has(attribute.toLowerCase()))
    .map(([claim]) => claim)

function directoryOf(
  { directory: draft, claim_mapping, list_claims }: ProviderDraft,
  from: string,
): Directory | undefined {
  if (!draft) return undefined
  const { ca_file, base = '', ...rest } = draft
  const claims = claim_mapping ?? standardAttributes
  return {
    ...rest,
    base,
    claims,
    list_claims: new Set(list_claims ?? listsOf(claims)),
    ...(ca_file !== undefined && { ca: readFileSync(resolve(from, ca_file), 'utf8') }),
  }
}
