/** Requirements of FAPI 2.0 Message Signing (Final, September 2025) for authorization servers. */

import { permitsAlgorithm } from '../../model/security-profile.ts'
import { algorithmOr } from '../../model/signature-algorithm.ts'
import { clientKey, issuerKey, type Row } from './requirement.ts'

const longest = 3600
const test = [
  'test/authorize/fapi-2.test.ts',
  'fapi: request objects are signed with PS256 and have a limited lifetime',
] as const

/** An omitted algorithm is RS256 (JARM §3) where it is allowed, which the Security Profile does not permit. */
const unsignedDefault = clientKey(
  'authorization_signed_response_alg',
  ({ grant_types: grants, authorization_signed_response_alg: alg }, { signatureAlgorithms }) =>
    grants.includes('authorization_code') &&
    alg === undefined &&
    !permitsAlgorithm('fapi2-security', algorithmOr('RS256', signatureAlgorithms)),
  {
    problem: 'authorization responses are signed with RS256',
    expected: 'PS256, ES256 or EdDSA',
    fix: 'write "ES256" or "PS256"',
  },
)

export const fapi2MessageSigning: readonly Row[] = [
  {
    section: '5.3.1 (1)',
    requirement: 'Pushed requests are signed request objects, and others are refused.',
    setting: 'authorization_requests.require_signed, require_signed_request_object',
    test: ['test/authorize/fapi-2.test.ts', 'fapi: a request that is not pushed, or not signed, is refused'],
    issuer: issuerKey('authorization_requests', value => !value.require_signed, {
      member: 'require_signed',
      problem: 'authorization requests need not be signed',
      expected: 'true',
      fix: 'write "require_signed": true',
    }),
    client: clientKey(
      'require_signed_request_object',
      (client, { security: { settings } }) =>
        client.grant_types.includes('authorization_code') &&
        !client.require_signed_request_object &&
        settings.authorization_requests?.value.require_signed === false,
      {
        problem: 'authorization requests need not be signed',
        expected: 'true',
        fix: 'write "require_signed_request_object": true, or require_signed for all clients',
      },
    ),
  },
  {
    section: '5.3.1 (2)',
    requirement: 'A request object has the issuer as audience.',
    setting: 'built in',
    test: [
      'test/authorize/profiles.test.ts',
      'profiles: a request object without an audience is refused where messages are signed',
    ],
  },
  {
    section: '5.3.1 (3, 4)',
    requirement: 'nbf is at most 60 minutes ago, and exp at most 60 minutes later.',
    setting: 'authorization_requests.request_object_max_lifetime, request_object_max_lifetime',
    test,
    issuer: issuerKey(
      'authorization_requests',
      value => (value.request_object_max_lifetime ?? longest + 1) > longest,
      {
        member: 'request_object_max_lifetime',
        problem: 'request objects may live longer',
        expected: 'at most 3600',
        fix: 'write "request_object_max_lifetime": 3600',
      },
    ),
    client: clientKey(
      'request_object_max_lifetime',
      ({ grant_types: grants, request_object_max_lifetime: ofClient }, { security: { settings } }) => {
        const requests = settings.authorization_requests?.value
        const most = Math.min(ofClient ?? longest + 1, requests?.request_object_max_lifetime ?? longest + 1)
        return grants.includes('authorization_code') && requests !== undefined && most > longest
      },
      {
        problem: 'request objects may live longer',
        expected: 'at most 3600',
        fix: 'write "request_object_max_lifetime": 3600',
      },
    ),
  },
  {
    section: '5.3.1 (5)',
    requirement: 'Request objects of type oauth-authz-req+jwt are accepted.',
    setting: 'built in',
    test: [
      'test/authorize/request-object.test.ts',
      'request object: one … is accepted, and its parameters are used',
    ],
  },
  {
    section: '5.4.1 (1)',
    requirement: 'Authorization responses are signed JWTs (JARM), and requests for others are refused.',
    setting: 'authorization_responses.require_signed, require_signed_authorization_response',
    test: [
      'test/authorize/profiles.test.ts',
      'profiles: a request for an unsigned response is refused where messages are signed',
    ],
    issuer: issuerKey('authorization_responses', value => !value.require_signed, {
      member: 'require_signed',
      problem: 'authorization responses need not be signed',
      expected: 'true',
      fix: 'write "require_signed": true',
    }),
    client: (client, draft) => [
      ...clientKey(
        'require_signed_authorization_response',
        (client, { security: { settings } }) =>
          client.grant_types.includes('authorization_code') &&
          !client.require_signed_authorization_response &&
          settings.authorization_responses?.value.require_signed === false,
        {
          problem: 'authorization responses need not be signed',
          expected: 'true',
          fix: 'write "require_signed_authorization_response": true, or require_signed for all clients',
        },
      )(client, draft),
      ...unsignedDefault(client, draft),
    ],
  },
  {
    section: '5.5.1 (1)',
    requirement: 'Introspection responses in JWT format are signed.',
    setting: 'built in',
    test: [
      'test/authorize/fapi-2.test.ts',
      'fapi: an API gets a signed introspection response that shows the binding',
    ],
  },
]
