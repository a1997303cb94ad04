/** Requirements of the FAPI 2.0 Security Profile (Final, 22 February 2025) for authorization servers. */

import {
  isCertificateMethod,
  keyMethods,
  permitsAlgorithm,
  permitsGrant,
  permitsMethod,
} from '../../model/security-profile.ts'
import { algorithmOr, preferredAlgorithms } from '../../model/signature-algorithm.ts'
import type { Description } from '../diagnostic.ts'
import { diagnosticAt } from '../draft.ts'
import type { ClientDraft } from '../schema/client.ts'
import { issuerAsAudience, usesTls } from './oauth-2-1.ts'
import { clientItems, clientKey, issuerKey, type Requirement, type Row, registrable } from './requirement.ts'

const profile = 'fapi2-security'
const flow = 'test/authorize/profiles.test.ts'

const usesAuthorizationEndpoint = ({ grant_types: grants }: ClientDraft): boolean =>
  grants.includes('authorization_code')

const algorithm = (alg: unknown): Description => ({
  problem: `"${String(alg)}" is not one of its algorithms`,
  expected: 'PS256, ES256 or EdDSA',
  fix: 'write "ES256" or "PS256"',
})

/** Keys of clients with algorithms of signatures. Omitted ones are restricted when a signature is checked or made. */
const signatureKeys = [
  'token_endpoint_auth_signing_alg',
  'id_token_signed_response_alg',
  'authorization_signed_response_alg',
  'userinfo_signed_response_alg',
  'introspection_signed_response_alg',
] as const

const signatures: NonNullable<Requirement['client']> = (client, draft) => [
  ...signatureKeys.flatMap(key => {
    const alg = client.value[key]
    return alg === undefined || permitsAlgorithm(profile, alg)
      ? []
      : diagnosticAt(client, key, algorithm(alg))
  }),
  ...accessTokens(client, draft),
]

/** OpenID Connect Core 1.0 §9: the client signs its assertions, with a key of its own. */
const ownAssertions = clientKey('workload_identities', client => client.workload_identities.length > 0, {
  problem: 'the issuer of a workload identity signs the assertions, not the client',
  expected: 'assertions with a key of the client',
  fix: 'remove "workload_identities", and add the keys of the client',
})

const offered = issuerKey(
  'signature_algorithms',
  algorithms => algorithms.some(alg => !permitsAlgorithm(profile, alg)),
  {
    problem: 'it contains algorithms that the profile does not permit',
    expected: 'ES256, PS256, EdDSA and Ed25519 only',
    fix: 'write "signature_algorithms": ["ES256", "PS256", "EdDSA", "Ed25519"]',
  },
)

/** The API decides how access tokens for it are signed. */
const accessTokens: NonNullable<Requirement['client']> = (
  { value },
  { api_resources: apis, signatureAlgorithms },
) => {
  const omitted = algorithmOr(preferredAlgorithms.accessToken, signatureAlgorithms)
  const scope = new Set(value.scope.split(' '))
  return apis
    .filter(({ value: api }) => api.scopes.some(name => scope.has(name)))
    .flatMap(api => {
      const alg = api.value.access_token_signing_alg ?? omitted
      return permitsAlgorithm(profile, alg)
        ? []
        : diagnosticAt(api, 'access_token_signing_alg', algorithm(alg))
    })
}

export const fapi2Security: readonly Row[] = [
  {
    section: '5.2.1 (1)',
    requirement: 'Every endpoint is served over TLS, by the proxy, with TLS 1.2 or later.',
    setting: 'issuer; http is for development on a loopback host',
    test: [
      'test/configuration/profiles.test.ts',
      'profiles: an issuer without TLS is reported, and starts for development',
    ],
    tolerated: true,
    issuer: usesTls,
  },
  {
    section: '5.2.3 (1)',
    requirement: 'Browsers use TLS only (HSTS).',
    setting: 'built in',
    test: ['test/http/http.test.ts', 'every response has the security headers and is not cached by default'],
  },
  {
    section: '5.2.3 (3)',
    requirement: 'The authorization endpoint does not support CORS.',
    setting: 'built in',
    test: [flow, 'profiles: scripts of other origins can not read the authorization endpoint'],
  },
  {
    section: '5.3.2.1 (1)',
    requirement: 'Metadata is published.',
    setting: 'built in',
    test: [
      flow,
      'profiles: the metadata of a server with a FAPI profile offers only what the profile permits',
    ],
  },
  {
    section: '5.3.2.1 (2)',
    requirement: 'There is no password grant.',
    setting: 'grant_types, registration.allowed_grant_types',
    test: [
      flow,
      'profiles: the metadata of a server with a FAPI profile offers only what the profile permits',
    ],
    issuer: ({
      security: {
        settings: { registration },
      },
    }) =>
      registrable(registration).flatMap((grant, index) =>
        permitsGrant(profile, grant)
          ? []
          : [{ path: `${registration?.path}.allowed_grant_types[${index}]`, ...notPermitted(grant) }],
      ),
    client: clientItems('grant_types', grant => grant === 'password', notPermitted),
  },
  {
    section: '5.3.2.1 (3)',
    requirement: 'Clients are confidential.',
    setting: 'token_endpoint_auth_method',
    test: [flow, 'profiles: clients that register themselves meet the profile, or are refused'],
    client: clientKey(
      'token_endpoint_auth_method',
      ({ token_endpoint_auth_method: method }) => method === 'none',
      {
        problem: 'the client is public',
        expected: 'a confidential client',
        fix: 'write "private_key_jwt", and add the keys of the client',
      },
    ),
  },
  {
    section: '5.3.2.1 (4, 5)',
    requirement: 'Access tokens are bound to a key of the client, by DPoP or mutual TLS.',
    setting: 'dpop_bound_access_tokens, tls_client_certificate_bound_access_tokens',
    test: [flow, 'profiles: fapi2-security: a bearer token is not issued'],
    client: clientKey(
      'dpop_bound_access_tokens',
      client =>
        !client.dpop_bound_access_tokens &&
        !client.tls_client_certificate_bound_access_tokens &&
        !isCertificateMethod(client.token_endpoint_auth_method),
      {
        problem: 'access tokens of the client can be used without a key',
        expected: 'true, or tls_client_certificate_bound_access_tokens',
        fix: 'write "dpop_bound_access_tokens": true',
      },
    ),
  },
  {
    section: '5.3.2.1 (6)',
    requirement: 'Clients authenticate by mutual TLS or private_key_jwt.',
    setting: 'token_endpoint_auth_method, workload_identities',
    test: [flow, 'profiles: clients that register themselves meet the profile, or are refused'],
    client: (client, draft) => [
      ...clientKey(
        'token_endpoint_auth_method',
        ({ token_endpoint_auth_method: method }) => method !== 'none' && !permitsMethod(profile, method),
        ({ token_endpoint_auth_method: method }) => ({
          problem:
            method === undefined ? 'the client authenticates with a secret' : `"${method}" uses a secret`,
          expected: `one of ${keyMethods.map(one => `"${one}"`).join(', ')}`,
          fix: 'write "private_key_jwt", and replace client_secrets by the keys of the client',
        }),
      )(client, draft),
      ...ownAssertions(client, draft),
    ],
  },
  {
    section: '5.3.2.1 (7)',
    requirement: 'There is no open redirector.',
    setting: 'built in',
    test: ['test/authorize/authorize.test.ts', 'authorize: … gets an error page and never a redirect'],
  },
  {
    section: '5.3.2.1 (8)',
    requirement: 'Assertions of clients have the issuer alone as audience, as a string.',
    setting: 'client_assertion_audience',
    test: [flow, 'profiles: assertions for an endpoint, or with another algorithm, are refused'],
    ...issuerAsAudience,
  },
  {
    section: '5.3.2.1 (9)',
    requirement: 'Refresh tokens are not rotated, except during a migration, with a time for retries.',
    setting: 'refresh_token_usage, refresh_token_retry_window',
    test: [flow, 'profiles: a user signs in by … of the profile … with oauth4webapi'],
    client: clientKey(
      'refresh_token_usage',
      client =>
        client.grant_types.includes('refresh_token') &&
        client.refresh_token_usage !== 'reuse' &&
        client.refresh_token_retry_window === 0,
      {
        problem: 'refresh tokens are rotated, and a client that loses a response can not retry',
        expected: '"reuse", or "one_time" with a refresh_token_retry_window',
        fix: 'write "reuse"',
      },
    ),
  },
  {
    section: '5.3.2.1 (11)',
    requirement: 'Codes are valid for 60 seconds at most.',
    setting: 'authorization_code_lifetime',
    test: [
      'test/authorize/fapi-2.test.ts',
      'fapi: a code is valid for a minute, is used once, and requires its verifier',
    ],
    client: clientKey(
      'authorization_code_lifetime',
      client => usesAuthorizationEndpoint(client) && client.authorization_code_lifetime > 60,
      ({ authorization_code_lifetime: lifetime }) => ({
        problem: `it is ${lifetime}`,
        expected: 'at most 60',
        fix: 'write 60',
      }),
    ),
  },
  {
    section: '5.3.2.1 (12)',
    requirement: 'With DPoP, codes can be bound to the key of a proof.',
    setting: 'built in',
    test: [
      'test/tokens/dpop.test.ts',
      'dpop: a code is redeemed only with the key of dpop_jkt, and a wrong key burns it',
    ],
  },
  {
    section: '5.3.2.1 (13)',
    requirement: 'JWTs that are up to 10 seconds in the future are accepted, and beyond 60 refused.',
    setting: 'built in',
    test: ['test/clients/assertion-bounds.attack.test.ts', 'private_key_jwt: an assertion that … is …'],
  },
  {
    section: '5.3.2.2 (1)',
    requirement: 'response_type is code.',
    setting: 'response_types, grant_types',
    test: [
      flow,
      'profiles: the metadata of a server with a FAPI profile offers only what the profile permits',
    ],
    client: (client, draft) => [
      ...clientItems('grant_types', grant => grant === 'implicit', notPermitted)(client, draft),
      ...clientItems('response_types', type => type !== 'code', notPermitted)(client, draft),
    ],
  },
  {
    section: '5.3.2.2 (2, 3)',
    requirement: 'Authorization requests are pushed, and others are refused.',
    setting: 'authorization_requests.require_pushed, require_pushed_authorization_requests',
    test: [flow, 'profiles: a request that is not pushed is refused, and so is one by plain PKCE'],
    issuer: issuerKey('authorization_requests', value => !value.require_pushed, {
      member: 'require_pushed',
      problem: 'authorization requests need not be pushed',
      expected: 'true',
      fix: 'write "require_pushed": true',
    }),
    client: clientKey(
      'require_pushed_authorization_requests',
      (client, { security: { settings } }) =>
        usesAuthorizationEndpoint(client) &&
        !client.require_pushed_authorization_requests &&
        settings.authorization_requests?.value.require_pushed === false,
      {
        problem: 'authorization requests need not be pushed',
        expected: 'true',
        fix: 'write "require_pushed_authorization_requests": true, or require_pushed for all clients',
      },
    ),
  },
  {
    section: '5.3.2.2 (4)',
    requirement: 'Clients authenticate when they push a request.',
    setting: 'built in',
    test: [flow, 'profiles: assertions for an endpoint, or with another algorithm, are refused'],
  },
  {
    section: '5.3.2.2 (5)',
    requirement: 'PKCE with S256 is required.',
    setting: 'require_pkce, allow_plain_pkce',
    test: [flow, 'profiles: a request that is not pushed is refused, and so is one by plain PKCE'],
    client: (client, draft) => [
      ...clientKey('require_pkce', ({ require_pkce: isRequired }) => !isRequired, {
        problem: 'codes are issued without a code challenge',
        expected: 'true',
        fix: 'remove "require_pkce": false',
      })(client, draft),
      ...clientKey('allow_plain_pkce', ({ allow_plain_pkce: isAllowed }) => isAllowed, {
        problem: 'a plain challenge reveals its verifier',
        expected: 'false',
        fix: 'remove "allow_plain_pkce": true',
      })(client, draft),
    ],
  },
  {
    section: '5.3.2.2 (6)',
    requirement: 'redirect_uri is required in a pushed request.',
    setting: 'built in',
    test: [
      'test/kinds/endpoint-defaults.test.ts',
      'endpoint defaults: redirect_uri is required, however an authorization request is sent',
    ],
  },
  {
    section: '5.3.2.2 (7)',
    requirement: 'Authorization responses contain iss.',
    setting: 'built in',
    test: [
      'test/authorize/request-objects.attack.test.ts',
      'attack: no token is returned in a query, whatever the request says, and every response has iss',
    ],
  },
  {
    section: '5.3.2.2 (8)',
    requirement: 'Redirect URIs use https; http is for native applications on a loopback host.',
    setting: 'redirect_uris, application_type',
    test: [flow, 'profiles: clients that register themselves meet the profile, or are refused'],
    client: clientItems(
      'redirect_uris',
      (uri, client) => uri.startsWith('http:') && client.application_type !== 'native',
      () => ({
        problem: 'its responses are not encrypted',
        expected: 'https, or "application_type": "native" with a loopback host',
        fix: 'write an https URI, or add "application_type": "native" if this is an application on a device',
      }),
    ),
  },
  {
    section: '5.3.2.2 (9)',
    requirement: 'A code is used once.',
    setting: 'built in',
    test: [
      'test/authorize/fapi-2.test.ts',
      'fapi: a code is valid for a minute, is used once, and requires its verifier',
    ],
  },
  {
    section: '5.3.2.2 (10, 11)',
    requirement: 'Browsers are redirected with status 302 or, after a form, 303, and never with 307.',
    setting: 'built in',
    test: [flow, 'profiles: a user signs in by … of the profile … with oauth4webapi'],
  },
  {
    section: '5.3.2.2 (12)',
    requirement: 'A request_uri expires in less than 600 seconds.',
    setting: 'authorization_requests.pushed_lifetime',
    test: [
      'test/authorize/par.test.ts',
      'par: a request_uri expires, belongs to its client alone, and another client does not consume it',
    ],
    shared: issuerKey('authorization_requests', ({ pushed_lifetime: lifetime }) => lifetime >= 600, {
      member: 'pushed_lifetime',
      problem: 'it is 600 or more',
      expected: 'less than 600',
      fix: 'remove it; the default is 60',
    }),
  },
  {
    section: '5.3.2.2 (14)',
    requirement: 'A nonce may have 64 characters.',
    setting: 'built in',
    test: [
      'test/kinds/input-limits.test.ts',
      'input limits: a larger … is … in a pushed request and in a request object too',
    ],
  },
  {
    section: '5.3.2.3',
    requirement: 'The identifier of the user is returned as OpenID Connect says.',
    setting: 'built in',
    test: [
      'test/authorize/authorize.test.ts',
      'authorize: the code yields tokens of the sign-in, with nonce and sid',
    ],
  },
  {
    section: '5.3.4 (1, 2)',
    requirement: 'Our own endpoints accept access tokens in the header, and not in a query.',
    setting: 'built in',
    test: ['test/tokens/userinfo.test.ts', 'userinfo: a token in the query is ignored'],
  },
  {
    section: '5.3.4 (3, 4)',
    requirement: 'They check that a token is not expired, not revoked and sufficient.',
    setting: 'built in',
    test: [
      'test/tokens/userinfo.test.ts',
      'userinfo: an expired token is invalid_token with that reason; there is no skew for our own clock',
    ],
  },
  {
    section: '5.3.4 (5)',
    requirement: 'They check the key that a token is bound to.',
    setting: 'built in',
    test: [
      'test/kinds/access-token-endpoints.test.ts',
      'access tokens: at …, a bound token needs the scheme DPoP and a proof that was not used before',
    ],
  },
  {
    section: '5.4.1 (1.1)',
    requirement: 'A JWT for one purpose is accepted for no other (RFC 8725).',
    setting: 'built in',
    test: [
      'test/kinds/jwt-confusion.test.ts',
      'jwts: with access tokens of type … each kind is accepted where it belongs, and nowhere else',
    ],
  },
  {
    section: '5.4.1 (1.2)',
    requirement: 'Signatures are PS256, ES256 or EdDSA: of assertions, request objects, proofs and tokens.',
    setting:
      'signature_algorithms, token_endpoint_auth_signing_alg, request_object_signing_alg, id_token_signed_response_alg, authorization_signed_response_alg, userinfo_signed_response_alg, introspection_signed_response_alg, access_token_signing_alg',
    test: [flow, 'profiles: assertions for an endpoint, or with another algorithm, are refused'],
    issuer: draft => [
      ...offered(draft),
      ...draft.api_resources.flatMap(api => {
        const alg = api.value.access_token_signing_alg
        return alg === undefined || permitsAlgorithm(profile, alg)
          ? []
          : diagnosticAt(api, 'access_token_signing_alg', algorithm(alg))
      }),
    ],
    client: signatures,
  },
  {
    section: '5.4.1 (1.3)',
    requirement: 'Unsigned request objects are refused.',
    setting: 'request_object_signing_alg',
    test: [flow, 'profiles: unsigned request objects, and proofs with another algorithm, are refused'],
    client: clientKey(
      'request_object_signing_alg',
      ({ request_object_signing_alg: alg }) => alg !== undefined && !permitsAlgorithm(profile, alg),
      ({ request_object_signing_alg: alg }) => algorithm(alg),
    ),
  },
  {
    section: '5.4.1 (2, 3)',
    requirement: 'RSA keys have at least 2048 bits, keys on elliptic curves at least 224.',
    setting: 'built in',
    test: [flow, 'profiles: short keys of clients are refused'],
  },
  {
    section: '5.4.1 (4)',
    requirement: 'Tokens and codes have at least 128 bits of entropy.',
    setting: 'built in',
    test: [
      'test/operations/at-rest.attack.test.ts',
      'at rest: a handle has 256 random bits, and every bit matters',
    ],
  },
  {
    section: '5.4.2',
    requirement: 'The published key set has distinct key ids.',
    setting: 'built in',
    test: [
      'test/discovery/discovery.test.ts',
      'jwks: the set is a JWK Set, cached for a minute at most, with use and kid in every entry',
    ],
  },
]

function notPermitted(name: string): Description {
  return {
    problem: `"${name}" is not permitted`,
    expected: 'the authorization code flow, or a grant without the authorization endpoint',
    fix: `remove "${name}"`,
  }
}
