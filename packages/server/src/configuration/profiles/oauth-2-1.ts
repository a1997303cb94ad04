/** Requirements of OAuth 2.1 for authorization servers (draft-ietf-oauth-v2-1-16). */

import { permitsGrant, permitsResponseType } from '../../model/security-profile.ts'
import { clientItems, clientKey, issuerKey, type Row, registrable } from './requirement.ts'

const noCompatibility = issuerKey('compatibility', value => value !== 'none', {
  problem: 'responses of IdentityServer4 differ from those that the specification requires',
  expected: '"none"',
  fix: 'remove "compatibility"',
})

/** Tolerated, so that a server on a loopback host can be developed. */
export const usesTls = issuerKey('issuer', value => !value?.startsWith('https:'), {
  problem: 'it does not use https',
  expected: 'an https URL',
  fix: 'write the URL that clients use, such as https://login.example',
})

export const issuerAsAudience: Pick<Row, 'issuer' | 'client'> = {
  issuer: issuerKey('client_assertion_audience', value => value !== 'issuer', {
    problem: 'URLs of endpoints are accepted as audiences too',
    expected: '"issuer"',
    fix: 'write "client_assertion_audience": "issuer"',
  }),
  client: clientKey(
    'client_assertion_audience',
    ({ client_assertion_audience: audience }, { security: { settings } }) =>
      (audience ?? settings.client_assertion_audience?.value) === 'any',
    {
      problem: 'URLs of endpoints are accepted as audiences too',
      expected: '"issuer"',
      fix: 'write "client_assertion_audience": "issuer"',
    },
  ),
}

export const oauth21: readonly Row[] = [
  {
    section: '1.5',
    requirement: 'Every endpoint is served over TLS.',
    setting: 'issuer; http is for development on a loopback host',
    test: [
      'test/configuration/profiles.test.ts',
      'profiles: an issuer without TLS is reported, and starts for development',
    ],
    tolerated: true,
    issuer: usesTls,
  },
  {
    section: '1.4.1',
    requirement: 'The response contains the scope of the token.',
    setting: 'built in',
    test: [
      'test/token/scope.test.ts',
      'scope: without a code, offline_access is ignored; only a response with an access token contains the granted scope',
    ],
  },
  {
    section: '2.3.1',
    requirement: 'Redirect URIs are registered, and others are refused.',
    setting: 'built in',
    test: [
      'test/kinds/redirect-uris.test.ts',
      'redirect URIs: … accepts those of a client that is …, and no others',
    ],
  },
  {
    section: '2.4',
    requirement: 'Assertions of clients are for the issuer alone (draft-ietf-oauth-rfc7523bis).',
    setting: 'client_assertion_audience',
    test: ['test/clients/assertion-bounds.attack.test.ts', 'private_key_jwt: with … …'],
    ...issuerAsAudience,
  },
  {
    section: '2.4',
    requirement: 'A request authenticates its client by one method only.',
    setting: 'compatibility',
    test: [
      'test/clients/client-authentication.test.ts',
      'client authentication: … in one request is invalid_request',
    ],
    shared: noCompatibility,
  },
  {
    section: '2.4.1',
    requirement: 'Clients with a secret may send it in the body; guesses are limited.',
    setting: 'built in',
    test: ['test/clients/client-authentication.test.ts', 'client authentication: a secret in … is accepted'],
  },
  {
    section: '3.1',
    requirement: 'Parameters are not repeated.',
    setting: 'built in',
    test: ['test/kinds/refusal-reasons.test.ts', 'refused: a repeated parameter at /connect/…'],
  },
  {
    section: '3.1',
    requirement: 'Scripts of other origins do not read the authorization endpoint (CORS).',
    setting: 'built in',
    test: [
      'test/authorize/profiles.test.ts',
      'profiles: scripts of other origins can not read the authorization endpoint',
    ],
  },
  {
    section: '3.2.1',
    requirement: 'Confidential clients authenticate at the token endpoint.',
    setting: 'token_endpoint_auth_method',
    test: [
      'test/clients/client-authentication.test.ts',
      'client authentication: a client must use its registered method; without one, Basic and body are accepted',
    ],
  },
  {
    section: '3.2.3',
    requirement: 'Responses with tokens are not cached.',
    setting: 'built in',
    test: ['test/http/http.test.ts', 'every response has the security headers and is not cached by default'],
  },
  {
    section: '4.1.1',
    requirement: 'Requests for a code have a code challenge; S256 is supported.',
    setting: 'require_pkce',
    test: [
      'test/authorize/profiles.test.ts',
      'profiles: OAuth 2.1: a code needs a challenge, and its redemption no redirect_uri',
    ],
    client: clientKey('require_pkce', ({ require_pkce: isRequired }) => !isRequired, {
      problem: 'codes are issued without a code challenge',
      expected: 'true',
      fix: 'remove "require_pkce": false',
    }),
  },
  {
    section: '4.1.1',
    requirement: 'The redirect URI of a request is compared byte for byte.',
    setting: 'built in',
    test: [
      'test/kinds/redirect-uris.test.ts',
      'redirect URIs: … accepts those of a client that is …, and no others',
    ],
  },
  {
    section: '4.1.2',
    requirement: 'Codes expire after ten minutes at most.',
    setting: 'authorization_code_lifetime',
    test: [
      'test/token/codes.attack.test.ts',
      'attack: a code that expires during the request yields nothing',
    ],
    client: clientKey(
      'authorization_code_lifetime',
      ({ authorization_code_lifetime: lifetime }) => lifetime > 600,
      ({ authorization_code_lifetime: lifetime }) => ({
        problem: `it is ${lifetime}`,
        expected: 'at most 600',
        fix: 'remove it, or write 600',
      }),
    ),
  },
  {
    section: '4.1.2.1',
    requirement: 'An invalid client or redirect URI gets an error page, and no redirect.',
    setting: 'built in',
    test: ['test/authorize/authorize.test.ts', 'authorize: … gets an error page and never a redirect'],
  },
  {
    section: '4.1.3',
    requirement: 'A code is used once; a second use revokes what the first one issued.',
    setting: 'built in',
    test: [
      'test/token/authorization-code.test.ts',
      'code: a second use is refused and revokes what the first issued',
    ],
  },
  {
    section: '4.1.3',
    requirement: 'A verifier is sent exactly if there was a challenge, and must fit it.',
    setting: 'built in',
    test: [
      'test/token/codes.attack.test.ts',
      'attack: … instead of the verifier is refused and burns the code',
    ],
  },
  {
    section: '4.2',
    requirement: 'Only confidential clients have the client credentials grant.',
    setting: 'built in',
    test: [
      'test/token/client-credentials.test.ts',
      'client_credentials: a configuration that gives the grant to a public client is rejected at start',
    ],
  },
  {
    section: '4.3.1',
    requirement: 'A refresh token belongs to its client.',
    setting: 'built in',
    test: [
      'test/token/refresh-token.test.ts',
      'refresh: a token of another client is invalid_grant and remains valid',
    ],
  },
  {
    section: '4.3.1',
    requirement: 'Refresh tokens of public clients are rotated, and bound to the key of a proof.',
    setting: 'built in',
    test: [
      'test/registration/register.test.ts',
      'registration: refresh tokens of a public client rotate, whatever is configured for others',
    ],
  },
  {
    section: '4.3.3',
    requirement: 'A new refresh token has the scope of the one before.',
    setting: 'built in',
    test: [
      'test/token/refresh-token.test.ts',
      'refresh: the scope can be narrowed for one token and never widened, and the family keeps its own',
    ],
  },
  {
    section: '5.1',
    requirement: 'Access tokens in a query are ignored.',
    setting: 'built in',
    test: ['test/tokens/userinfo.test.ts', 'userinfo: a token in the query is ignored'],
  },
  {
    section: '5.2',
    requirement: 'Access tokens are checked: not expired, not revoked, sufficient.',
    setting: 'built in',
    test: [
      'test/tokens/userinfo.test.ts',
      'userinfo: an expired token is invalid_token with that reason; there is no skew for our own clock',
    ],
  },
  {
    section: '7.4',
    requirement: 'No client has the identifier of a user.',
    setting: 'built in',
    test: [
      'test/clients/assertion-bounds.attack.test.ts',
      'token: the subject of a grant is never a client, so that its tokens can’t be confused with the client’s own',
    ],
  },
  {
    section: '7.7',
    requirement: 'Tokens, codes and secrets can not be guessed.',
    setting: 'built in',
    test: [
      'test/operations/at-rest.attack.test.ts',
      'at rest: a handle has 256 random bits, and every bit matters',
    ],
  },
  {
    section: '7.10',
    requirement: 'The metadata lists the methods of code challenges.',
    setting: 'built in',
    test: ['test/discovery/discovery.test.ts', 'discovery: plain PKCE is listed only if a client may use it'],
  },
  {
    section: '7.11',
    requirement: 'Pages can not be framed.',
    setting: 'built in',
    test: [
      'test/http/headers.attack.test.ts',
      'headers: every page and redirect, at every issuer, forbids caching, framing, sniffing and referrers',
    ],
  },
  {
    section: '8.4.2',
    requirement: 'Loopback redirect URIs accept any port.',
    setting: 'built in',
    test: [
      'test/token/token-guards.attack.test.ts',
      'redirect URIs: loopback addresses are distinct, and only loopback matches any port',
    ],
  },
  {
    section: '10',
    requirement: 'There is no password grant.',
    setting: 'grant_types, registration.allowed_grant_types',
    test: [
      'test/authorize/profiles.test.ts',
      'profiles: OAuth 2.1: a code needs a challenge, and its redemption no redirect_uri',
    ],
    issuer: ({
      security: {
        settings: { registration },
      },
    }) =>
      registrable(registration).flatMap((grant, index) =>
        grant === 'password'
          ? [{ path: `${registration?.path}.allowed_grant_types[${index}]`, ...noPassword }]
          : [],
      ),
    client: clientItems(
      'grant_types',
      grant => !permitsGrant('oauth2.1', grant),
      () => noPassword,
    ),
  },
  {
    section: '10.1',
    requirement: 'The authorization endpoint returns no access tokens.',
    setting: 'response_types',
    test: [
      'test/authorize/profiles.test.ts',
      'profiles: OAuth 2.1: a code needs a challenge, and its redemption no redirect_uri',
    ],
    client: clientItems(
      'response_types',
      type => !permitsResponseType('oauth2.1', type),
      type => ({
        problem: `"${type}" returns an access token from the authorization endpoint`,
        expected: 'response types without "token"',
        fix: 'write "code", which the client redeems with PKCE',
      }),
    ),
  },
  {
    section: '10.2',
    requirement: 'A code can be redeemed without redirect_uri. FAPI 2.0 keeps the rule of RFC 6749.',
    setting: 'built in',
    test: [
      'test/authorize/profiles.test.ts',
      'profiles: OAuth 2.1: a code needs a challenge, and its redemption no redirect_uri',
    ],
    alone: true,
  },
]

const noPassword = {
  problem: 'the password grant reveals the passwords of users to clients',
  expected: 'other grants',
  fix: 'remove "password"',
}
