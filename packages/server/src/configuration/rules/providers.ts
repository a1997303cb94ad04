/** Identity providers: what each type needs to work. */

import { resolve } from 'node:path'
import { loopbackHosts } from '@tessera/protocol/redirect-uri'
import { isGroupsAttribute } from '../../model/user.ts'
import { readRegularFile } from '../../runtime/regular-file.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { type Draft, diagnosticAt, type Entry } from '../draft.ts'
import { issuerOfDiscoveryUrl } from '../issuer.ts'
import type { ProviderDraft } from '../schema/provider.ts'

type Provider = Entry<ProviderDraft>

/** @param directory the base folder for a relative `ca_file`. */
export const providerErrors = (draft: Draft, directory: string): readonly Diagnostic[] => [
  ...draft.identity_providers.flatMap(provider => {
    if (provider.value.type === 'oidc') return openidErrors(provider)
    if (provider.value.type === 'ldap') return directoryErrors(provider, directory)
    return customErrors(provider)
  }),
  ...domainErrors(draft),
]

function customErrors(provider: Provider): readonly Diagnostic[] {
  if (provider.value.credentialAuthority !== undefined) return []
  return diagnosticAt(provider, 'credentialAuthority', {
    problem: `a provider of type "${provider.value.type}" needs a credentialAuthority`,
    expected: 'credentialAuthority: { check }, or type "oidc" or "ldap"',
    fix: 'add credentialAuthority',
  })
}

function openidErrors(provider: Provider): readonly Diagnostic[] {
  const { name, scope } = provider.value
  const errors: Diagnostic[] = []
  for (const key of ['issuer', 'client_id'] as const)
    if (provider.value[key] === undefined) {
      const expected = 'a string, for type "oidc"'
      errors.push(...diagnosticAt(provider, key, { problem: 'it is missing', expected, fix: `add "${key}"` }))
    }
  const meant = issuerOfDiscoveryUrl(provider.value.issuer ?? '')
  if (meant !== undefined)
    errors.push(
      ...diagnosticAt(provider, 'issuer', {
        problem: 'it is the address of a discovery document',
        expected: 'the issuer, as its discovery document contains it',
        fix: `write "${meant}"`,
      }),
    )
  if (!/^[A-Za-z0-9._~-]+$/.test(name))
    errors.push(
      ...diagnosticAt(provider, 'name', {
        problem: 'it is not valid in the redirect URI for the provider',
        expected: 'letters, digits, and any of . _ ~ -',
        fix: 'rename the provider; display_name is for people',
      }),
    )
  if (scope !== undefined && !scope.split(' ').includes('openid'))
    errors.push(
      ...diagnosticAt(provider, 'scope', {
        problem: 'without openid there is no ID token',
        expected: 'a scope with openid (OpenID Connect Core 1.0 §3.1.2.1)',
        fix: 'add openid',
      }),
    )
  return [...errors, ...credentialErrors(provider)]
}

const credentialOf = {
  client_secret_basic: 'client_secret',
  client_secret_post: 'client_secret',
  private_key_jwt: 'client_jwk',
  none: undefined,
} as const

function credentialErrors(provider: Provider): readonly Diagnostic[] {
  const { token_endpoint_auth_method: method } = provider.value
  const credential = method && credentialOf[method]
  if (credential === undefined || provider.value[credential] !== undefined) return []
  return diagnosticAt(provider, 'token_endpoint_auth_method', {
    problem: `${method} has nothing to authenticate with`,
    expected: `a ${credential}`,
    fix: `add "${credential}"`,
  })
}

function directoryErrors(provider: Provider, from: string): readonly Diagnostic[] {
  const { directory } = provider.value
  const error = (problem: string, expected: string, fix: string): readonly Diagnostic[] =>
    diagnosticAt(provider, 'directory', { problem, expected, fix })
  if (!directory) return error('it is missing', 'an object, for type "ldap"', 'add "directory"')
  const { bind_dn, bind_password, user_dn, base, url, tls, ca_file, group_base, group_format } = directory
  const searches = bind_dn !== undefined
  if (searches === (user_dn !== undefined))
    return error(
      searches ? 'it has a bind_dn and a user_dn' : 'it has neither a bind_dn nor a user_dn',
      'bind_dn, bind_password and base, or user_dn',
      searches ? 'remove one of the two' : 'add "bind_dn", "bind_password" and "base"',
    )
  const missing = bind_password === undefined ? 'bind_password' : base === undefined ? 'base' : undefined
  if (searches && missing)
    return error(`bind_dn needs ${missing}`, 'bind_dn, bind_password and base together', `add "${missing}"`)
  if (url.startsWith('ldaps:') && tls === 'none')
    return error('ldaps and tls "none" contradict each other', 'one of the two', 'remove "tls"')
  if (group_format === 'name' && group_base === undefined)
    return error(
      'group_format "name" needs group_base, because groups in different places can have the same name',
      'the DN below which group names are unique',
      'add "group_base": "ou=groups,…"',
    )
  if (group_base !== undefined && !Object.values(provider.value.claim_mapping ?? {}).some(isGroupsAttribute))
    return error(
      'group_base has no effect, because no claim comes from memberOf or isMemberOf',
      'a claim_mapping with one of these attributes',
      'add "groups": "memberOf" to claim_mapping',
    )
  const certificates = ca_file === undefined ? undefined : readRegularFile(resolve(from, ca_file))
  return certificates && !certificates.ok
    ? error(`ca_file: ${certificates.problem}`, 'PEM certificates', certificates.fix)
    : []
}

/** Within a tenant, a domain may belong to only one provider. */
function domainErrors(draft: Draft): readonly Diagnostic[] {
  const seen: { readonly domain: string; readonly tenant: string | undefined; readonly index: number }[] = []
  return draft.identity_providers.flatMap(provider =>
    provider.value.domains.flatMap((domain, at) => {
      const { tenants: named } = provider.value
      const tenants: readonly (string | undefined)[] = named.length > 0 ? named : [undefined]
      const before = seen.find(one => one.domain === domain && tenants.includes(one.tenant))
      seen.push(...tenants.map(tenant => ({ domain, tenant, index: provider.index })))
      return before
        ? diagnosticAt(
            provider,
            'domains',
            {
              problem: `"${domain}" already belongs to identity_providers[${before.index}]`,
              expected: 'a domain of one provider',
              fix: 'remove one of the two',
            },
            at,
          )
        : []
    }),
  )
}

/** Warns about directories that receive passwords unencrypted. */
export const providerWarnings = (draft: Draft): readonly Diagnostic[] =>
  draft.identity_providers.flatMap(provider => {
    const { type, directory } = provider.value
    return type === 'ldap' && directory?.tls === 'none' && !isLoopbackUrl(directory.url)
      ? diagnosticAt(provider, 'directory', {
          problem: 'passwords are sent unencrypted',
          expected: 'ldaps, or ldap with StartTLS',
          fix: 'remove "tls": "none"',
        })
      : []
  })

const isLoopbackUrl = (url: string): boolean => URL.canParse(url) && loopbackHosts.has(new URL(url).hostname)
