/** Redirection URIs of applications on devices that are allowed and could be safer (RFC 8252 §7.1, §8). */

import { hasPrivateUseScheme, isReversedDomain, schemeOf } from '@tessera/protocol/uri-scheme'
import { faultAt } from '../draft.ts'
import type { Fault } from '../fault.ts'
import { type Client, has } from './client-metadata.ts'

export const redirectDoubts: readonly ((client: Client) => readonly Fault[])[] = [
  client =>
    (['redirect_uris', 'post_logout_redirect_uris'] as const).flatMap(key =>
      client.value[key].flatMap((uri, index) => {
        const scheme = schemeOf(uri)
        return !hasPrivateUseScheme(uri) || isReversedDomain(scheme)
          ? []
          : faultAt(
              client,
              key,
              {
                problem: `any application can claim the scheme "${scheme}", so users are asked for consent each time`,
                expected: 'a reversed domain name of your own, such as com.example.app (RFC 8252 §7.1)',
                fix: 'use such a scheme, or an https address that the application claims, if you can change it',
              },
              index,
            )
      }),
    ),
  client =>
    hasScheme(client) && !client.value.require_pkce
      ? faultAt(client, 'require_pkce', {
          problem: 'it is false, and requests with a redirect URI of an application need PKCE all the same',
          expected: 'true (RFC 8252 §8.1)',
          fix: 'remove "require_pkce": false',
        })
      : [],
  client =>
    hasScheme(client) && client.value.client_secrets.length > 0
      ? faultAt(client, 'client_secrets', {
          problem: 'a secret in an application that many people install is known to all of them',
          expected: 'a public client (RFC 8252 §8.5)',
          fix: 'remove client_secrets and write "token_endpoint_auth_method": "none", if you can change the application',
        })
      : [],
  client =>
    hasScheme(client) && has(client, 'implicit')
      ? faultAt(client, 'grant_types', {
          problem:
            'tokens of the implicit grant go to whatever application claimed the scheme of a redirect URI',
          expected: '"authorization_code" with PKCE (RFC 8252 §8.2)',
          fix: 'leave "implicit" out of grant_types',
        })
      : [],
]

const hasScheme = ({ value }: Client): boolean => value.redirect_uris.some(hasPrivateUseScheme)
