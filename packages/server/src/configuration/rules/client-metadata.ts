/** Rules for the metadata of a client (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2), and unsafe redirect URIs. */

import { hasPrivateUseScheme, isReversedDomain, schemeOf } from '@tessera/protocol/uri-scheme'
import { applicationTypeProblem, webHostOf } from '../../model/redirect.ts'
import type { Description, Diagnostic } from '../diagnostic.ts'
import { type Draft, diagnosticAt, type Entry } from '../draft.ts'
import type { ClientDraft } from '../schema/client.ts'

export type Client = Entry<ClientDraft>

/** @param now the current time in seconds; 0 for rules that do not depend on it. */
export type Rule = (client: Client, draft: Draft, now: number) => readonly Diagnostic[]

/** Returns a rule about one key, with the diagnostic for clients that break it. */
export const rule =
  (
    key: keyof ClientDraft & string,
    isBroken: (client: Client, draft: Draft, now: number) => boolean,
    description: Description | ((client: ClientDraft) => Description),
  ): Rule =>
  (client, draft, now) => {
    if (!isBroken(client, draft, now)) return []
    return diagnosticAt(
      client,
      key,
      typeof description === 'function' ? description(client.value) : description,
    )
  }

export const has = (client: Client, grant: string): boolean =>
  !client.invalid.has('grant_types') && client.value.grant_types.includes(grant)

export const hasKeys = ({ value }: Client): boolean =>
  value.jwks !== undefined || value.jwks_uri !== undefined

/** OpenID Connect Dynamic Client Registration 1.0 §2: a native application may have any valid redirect URI. */
const applicationType: Rule = client => {
  const { application_type: type, redirect_uris } = client.value
  return redirect_uris.flatMap((uri, index) => {
    const error = applicationTypeProblem(uri, type, has(client, 'implicit'))
    const fix = 'use https, or register "application_type": "native" for an application on a device'
    return error ? diagnosticAt(client, 'redirect_uris', { ...error, fix }, index) : []
  })
}

/** OpenID Connect Core 1.0 §8.1: the host of the redirect URIs is the sector, so they must have the same host. */
const pairwiseSector: Rule = client => {
  const { subject_type, sector_identifier_uri, redirect_uris } = client.value
  if (subject_type !== 'pairwise' || sector_identifier_uri !== undefined) return []
  if (client.invalid.has('redirect_uris') || client.invalid.has('sector_identifier_uri')) return []
  const hosts = new Set(redirect_uris.map(webHostOf))
  return hosts.size <= 1
    ? []
    : diagnosticAt(client, 'subject_type', {
        problem: 'it is pairwise and redirect_uris have several hosts',
        expected: 'one host, or sector_identifier_uri (OpenID Connect Core 1.0 §8.1)',
        fix: 'add "sector_identifier_uri": "https://…" with the host of the sector',
      })
}

/** Encryption needs a key of the client. */
const encryption: Rule = client => {
  if (hasKeys(client) || client.invalid.has('jwks')) return []
  return encryptionKeys.flatMap(key =>
    client.value[key] === undefined
      ? []
      : diagnosticAt(client, key, {
          problem: 'the client has no keys to encrypt for',
          expected: 'jwks or jwks_uri',
          fix: 'add the public keys of the client, or remove it',
        }),
  )
}

const encryptionKeys = [
  'id_token_encrypted_response_alg',
  'userinfo_encrypted_response_alg',
  'introspection_encrypted_response_alg',
  'authorization_encrypted_response_alg',
] as const

export const metadataRules: readonly Rule[] = [
  // RFC 9101 §10.5: signed request objects can only be required of a client that signs them and has keys.
  rule(
    'request_object_signing_alg',
    ({ value }) => value.require_signed_request_object && value.request_object_signing_alg === 'none',
    {
      problem: 'it is "none" and signed request objects are required',
      expected: 'an algorithm',
      fix: 'remove it, or remove require_signed_request_object',
    },
  ),
  rule(
    'require_signed_request_object',
    client =>
      client.value.require_signed_request_object &&
      client.value.request_object_signing_alg !== 'none' &&
      !hasKeys(client),
    {
      problem: 'the client has no keys to sign request objects with',
      expected: 'jwks or jwks_uri',
      fix: 'add the public keys of the client',
    },
  ),
  encryption,
  rule('jwks_uri', ({ value }) => value.jwks !== undefined && value.jwks_uri !== undefined, {
    problem: 'the client also has jwks',
    expected: 'one of jwks and jwks_uri (RFC 7591 §2)',
    fix: 'remove one of the two',
  }),
  applicationType,
  pairwiseSector,
  rule(
    'initiate_login_target_link_uri',
    ({ value, invalid }) =>
      value.initiate_login_target_link_uri !== undefined &&
      value.initiate_login_uri === undefined &&
      !invalid.has('initiate_login_uri'),
    {
      problem: 'initiate_login_uri, which it belongs to, is missing',
      expected: 'both, or neither (OpenID Connect Core 1.0 §4)',
      fix: 'add "initiate_login_uri", or remove it',
    },
  ),
]

/** Warns about schemes that any application can claim (RFC 8252 §7.1). */
const claimableSchemes: Rule = client =>
  (['redirect_uris', 'post_logout_redirect_uris'] as const).flatMap(key =>
    client.value[key].flatMap((uri, index) => {
      const scheme = schemeOf(uri)
      if (!hasPrivateUseScheme(uri) || isReversedDomain(scheme)) return []
      const problem = `any application can claim the scheme "${scheme}", so users are asked for consent each time`
      const expected = 'a reversed domain name that you own, such as com.example.app (RFC 8252 §7.1)'
      const fix = 'use such a scheme, or a claimed https URL, if you can change the application'
      return diagnosticAt(client, key, { problem, expected, fix }, index)
    }),
  )

const hasScheme = ({ value }: Client): boolean => value.redirect_uris.some(hasPrivateUseScheme)

export const redirectWarnings: readonly Rule[] = [
  claimableSchemes,
  rule('require_pkce', client => hasScheme(client) && !client.value.require_pkce, {
    problem: 'it is false, but redirect URIs with an application scheme require PKCE anyway',
    expected: 'true (RFC 8252 §8.1)',
    fix: 'remove "require_pkce": false',
  }),
  rule('client_secrets', client => hasScheme(client) && client.value.client_secrets.length > 0, {
    problem: 'a secret in an installed application is known to everyone who installs it',
    expected: 'a public client (RFC 8252 §8.5)',
    fix: 'remove client_secrets and write "token_endpoint_auth_method": "none", if you can change the application',
  }),
  rule('grant_types', client => hasScheme(client) && has(client, 'implicit'), {
    problem:
      'the implicit grant sends tokens to whichever application claimed the scheme of the redirect URI',
    expected: '"authorization_code" with PKCE (RFC 8252 §8.2)',
    fix: 'remove "implicit" from grant_types',
  }),
]
