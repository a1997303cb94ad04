/**
 * Security profiles in configurations. The requirements are a table in code: each has a test that exists and runs, and
 * those about keys have a configuration here that contradicts them.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Diagnostic } from '../../packages/server/src/configuration/diagnostic.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { placeOf, type StatedRequirement } from '../../packages/server/src/configuration/profiles/finding.ts'
import { requirements, requirementsOf } from '../../packages/server/src/configuration/profiles/findings.ts'
import { readText } from '../support/repository.ts'
import { titlesByFile } from '../support/test-titles.ts'
import { errorsOf, type Input } from './errors.ts'

const publicKey = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }
const bank: Input = {
  client_id: 'bank',
  jwks: { keys: [publicKey] },
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: ['https://app.example/cb'],
  scope: 'openid accounts offline_access',
}
const base: Input = {
  issuer: 'https://login.example',
  storage: 'memory:',
  api_scopes: [{ name: 'accounts' }],
  api_resources: [{ name: 'urn:api', scopes: ['accounts'] }],
}

/** A configuration in which something contradicts a requirement, and the path of that. */
type Case = readonly [more: Input, path: string]
const ofClient = (more: Input, key: string): Case => [
  { clients: [{ ...bank, ...more }] },
  `clients[0].${key}`,
]
const ofMessages = (list: 'requests' | 'responses', key: string, value: unknown): Case => [
  { [`authorization_${list}`]: { [key]: value } },
  `authorization_${list}.${key}`,
]
const withSecret = { client_secrets: [{ value: 'a long secret of this client' }] }
const registering = (grant: string): Case => [
  { registration: { mode: 'open', allowed_grant_types: ['authorization_code', grant] } },
  'registration.allowed_grant_types[1]',
]
const registered = (key: string, client_defaults: Input): Case => [
  { registration: { mode: 'open', allowed_grant_types: ['authorization_code'], client_defaults } },
  `registration.client_defaults.${key}`,
]
const implicit = {
  grant_types: ['authorization_code', 'implicit'],
  response_types: ['code', 'id_token token'],
}

const oauth: Readonly<Record<string, readonly Case[]>> = {
  '1.5 Every endpoint is served over TLS.': [],
  '2.4 Assertions of clients are for the issuer alone (draft-ietf-oauth-rfc7523bis).': [
    ofClient({ client_assertion_audience: 'any' }, 'client_assertion_audience'),
    [{ client_assertion_audience: 'any' }, 'client_assertion_audience'],
  ],
  '2.4 A request authenticates its client by one method only.': [
    [{ compatibility: 'identityserver4' }, 'compatibility'],
  ],
  '4.1.1 Requests for a code have a code challenge; S256 is supported.': [
    ofClient({ ...withSecret, jwks: undefined, require_pkce: false }, 'require_pkce'),
    registered('require_pkce', { require_pkce: false }),
  ],
  '4.1.2 Codes expire after ten minutes at most.': [
    ofClient({ ...withSecret, authorization_code_lifetime: 601 }, 'authorization_code_lifetime'),
    registered('authorization_code_lifetime', { authorization_code_lifetime: 601 }),
  ],
  '10 There is no password grant.': [
    ofClient({ ...withSecret, grant_types: ['authorization_code', 'password'] }, 'grant_types[1]'),
    registering('password'),
  ],
  '10.1 The authorization endpoint returns no access tokens.': [
    ofClient({ ...withSecret, ...implicit }, 'response_types[1]'),
  ],
}
const security: Readonly<Record<string, readonly Case[]>> = {
  '5.2.1 (1) Every endpoint is served over TLS, by the proxy, with TLS 1.2 or later.': [],
  '5.3.2.1 (2) There is no password grant.': [
    ofClient({ grant_types: ['authorization_code', 'password'] }, 'grant_types[1]'),
    registering('password'),
    registering('implicit'),
  ],
  '5.3.2.1 (3) Clients are confidential.': [
    ofClient({ token_endpoint_auth_method: 'none' }, 'token_endpoint_auth_method'),
  ],
  '5.3.2.1 (4, 5) Access tokens are bound to a key of the client, by DPoP or mutual TLS.': [
    ofClient({ dpop_bound_access_tokens: false }, 'dpop_bound_access_tokens'),
  ],
  '5.3.2.1 (6) Clients authenticate by mutual TLS or private_key_jwt.': [
    ofClient(
      { workload_identities: [{ issuer: 'https://workloads.example', subject: 'job' }] },
      'workload_identities',
    ),
    ofClient(withSecret, 'token_endpoint_auth_method'),
    ofClient(
      { ...withSecret, token_endpoint_auth_method: 'client_secret_post' },
      'token_endpoint_auth_method',
    ),
  ],
  '5.3.2.1 (8) Assertions of clients have the issuer alone as audience, as a string.': [
    ofClient({ client_assertion_audience: 'any' }, 'client_assertion_audience'),
    [{ client_assertion_audience: 'any' }, 'client_assertion_audience'],
  ],
  '5.3.2.1 (9) Refresh tokens are not rotated, except during a migration, with a time for retries.': [
    ofClient({ refresh_token_usage: 'one_time', refresh_token_retry_window: 0 }, 'refresh_token_usage'),
    registered('refresh_token_usage', { refresh_token_usage: 'one_time', refresh_token_retry_window: 0 }),
  ],
  '5.3.2.1 (11) Codes are valid for 60 seconds at most.': [
    ofClient({ authorization_code_lifetime: 61 }, 'authorization_code_lifetime'),
    registered('authorization_code_lifetime', { authorization_code_lifetime: 61 }),
  ],
  '5.3.2.2 (1) response_type is code.': [
    ofClient(implicit, 'grant_types[1]'),
    ofClient({ ...implicit, grant_types: ['authorization_code', 'implicit'] }, 'response_types[1]'),
  ],
  '5.3.2.2 (2, 3) Authorization requests are pushed, and others are refused.': [
    ofMessages('requests', 'require_pushed', false),
  ],
  '5.3.2.2 (5) PKCE with S256 is required.': [
    ofClient({ require_pkce: false }, 'require_pkce'),
    ofClient({ allow_plain_pkce: true }, 'allow_plain_pkce'),
  ],
  '5.3.2.2 (8) Redirect URIs use https; http is for native applications on a loopback host.': [
    ofClient({ redirect_uris: ['http://localhost/cb'] }, 'redirect_uris[0]'),
  ],
  '5.3.2.2 (12) A request_uri expires in less than 600 seconds.': [
    ofMessages('requests', 'pushed_lifetime', 600),
  ],
  '5.4.1 (1.2) Signatures are PS256, ES256 or EdDSA: of assertions, request objects, proofs and tokens.': [
    ofClient({ token_endpoint_auth_signing_alg: 'RS256' }, 'token_endpoint_auth_signing_alg'),
    ofClient({ id_token_signed_response_alg: 'RS256' }, 'id_token_signed_response_alg'),
    ofClient({ authorization_signed_response_alg: 'RS256' }, 'authorization_signed_response_alg'),
    ofClient({ userinfo_signed_response_alg: 'RS256' }, 'userinfo_signed_response_alg'),
    ofClient({ introspection_signed_response_alg: 'RS256' }, 'introspection_signed_response_alg'),
    [{ signature_algorithms: ['ES256', 'RS256'] }, 'signature_algorithms'],
    [
      { api_resources: [{ name: 'urn:api', scopes: ['accounts'], access_token_signing_alg: 'RS256' }] },
      'api_resources[0].access_token_signing_alg',
    ],
  ],
  '5.4.1 (1.3) Unsigned request objects are refused.': [
    ofClient({ request_object_signing_alg: 'none' }, 'request_object_signing_alg'),
    ofClient({ request_object_signing_alg: 'RS256' }, 'request_object_signing_alg'),
  ],
}
const signing: Readonly<Record<string, readonly Case[]>> = {
  '5.3.1 (1) Pushed requests are signed request objects, and others are refused.': [
    ofMessages('requests', 'require_signed', false),
  ],
  '5.3.1 (3, 4) nbf is at most 60 minutes ago, and exp at most 60 minutes later.': [
    ofMessages('requests', 'request_object_max_lifetime', 3601),
  ],
  '5.4.1 (1) Authorization responses are signed JWTs (JARM), and requests for others are refused.': [
    ofMessages('responses', 'require_signed', false),
  ],
}
const cases = {
  'oauth2.1': oauth,
  'fapi2-security': security,
  'fapi2-message-signing': signing,
} as const

const named = ({ section, requirement }: StatedRequirement): string => `${section} ${requirement}`

test('profiles: each requirement has a test, which exists and is not skipped', () => {
  const titles = titlesByFile()
  assert.ok(requirements.length > 60)
  for (const {
    test: [file, title],
    ...row
  } of requirements) {
    assert.ok(titles.get(file)?.has(title), `${placeOf({ ...row, test: [file, title] })}: ${title}`)
    const opening = title.split('…', 1)[0] ?? ''
    const source = readText(file)
    const call = source.slice(source.indexOf(opening)).split('=>', 1)[0] ?? ''
    assert.doesNotMatch(call, /\b(?:skip|todo)\b\s*[:,]/, title)
  }
})

test('profiles: each requirement about keys has a configuration that contradicts it', () => {
  for (const [profile, table] of Object.entries(cases)) {
    const checked = requirements.filter(
      one => one.profile === profile && (one.client ?? one.issuer ?? one.shared),
    )
    assert.deepEqual(Object.keys(table).sort(), checked.map(named).sort())
  }
})

for (const profile of ['oauth2.1', 'fapi2-security', 'fapi2-message-signing'] as const)
  test(`profiles: a configuration that contradicts ${profile} is refused, and reported without the profile`, () => {
    for (const requirement of requirements.filter(one => one.profile === profile))
      for (const [more, path] of cases[profile][named(requirement)] ?? []) {
        const input = { ...base, clients: [bank], ...more }
        const errors = errorsOf({ ...input, security_profile: profile })
        const error = errors.find(one => one.path === path)
        assert.ok(error, `${placeOf(requirement)}: ${path} in ${JSON.stringify(errors)}`)
        assert.match(error.expected, /§[\d.]+.*; security_profile "/, path)
        assert.ok(error.fix.length > 0)

        const found = missingIn(plainOf(input), profile).find(one => one.requirement === requirement)
        assert.ok(found, `${placeOf(requirement)} is not reported for ${path}`)
      }
  })

/** A client without a profile needs a method. */
const plainOf = ({ clients, ...input }: Input): Input => ({
  ...input,
  clients: (clients as readonly Input[]).map(one => ({
    ...(one.client_secrets === undefined && { token_endpoint_auth_method: 'private_key_jwt' }),
    ...one,
    ...(one.token_endpoint_auth_method === 'none' && { jwks: undefined }),
  })),
})

/** Returns what a valid configuration lacks of a profile. */
function missingIn(
  input: Input,
  profile: keyof typeof cases,
): readonly { readonly requirement: StatedRequirement; readonly diagnostic: Diagnostic }[] {
  const outcome = parseConfiguration(input)
  assert.ok(outcome.ok, JSON.stringify(outcome))
  return outcome.configuration.entries.profileFindings(profile, [])
}

const parsedWith = (input: Input) => {
  const outcome = parseConfiguration(input)
  assert.ok(outcome.ok, JSON.stringify(outcome))
  return outcome.configuration
}

test('profiles: what a configuration omits is set by its profile, and what is stricter stays', async () => {
  const { clients, authorizationRequests, clientAssertions, signingAlgorithms } = parsedWith({
    ...base,
    security_profile: 'fapi2-message-signing',
    clients: [bank, { ...bank, client_id: 'strict', authorization_code_lifetime: 10 }],
  })
  const client = await clients.find('bank')
  assert.deepEqual(
    {
      security_profile: client?.security_profile,
      method: client?.token_endpoint_auth_method,
      lifetime: client?.authorization_code_lifetime,
      usage: client?.refresh_token_usage,
      bound: client?.dpop_bound_access_tokens,
      alg: client?.id_token_signed_response_alg,
      pushed: client?.require_pushed_authorization_requests,
      signed: client?.require_signed_request_object,
    },
    {
      security_profile: 'fapi2-message-signing',
      method: 'private_key_jwt',
      lifetime: 60,
      usage: 'reuse',
      bound: true,
      alg: 'ES256',
      pushed: true,
      signed: true,
    },
  )
  assert.equal((await clients.find('strict'))?.authorization_code_lifetime, 10)
  const weaker = parsedWith({
    ...base,
    security_profile: 'oauth2.1',
    clients: [{ ...bank, security_profile: 'fapi2-security' }],
  })
  assert.equal((await weaker.clients.find('bank'))?.security_profile, 'fapi2-security')
  assert.deepEqual(
    [authorizationRequests.requirePushed, authorizationRequests.requireSigned, clientAssertions.audience],
    [true, true, 'issuer'],
  )
  assert.equal(authorizationRequests.requestObjectMaxLifetime, 3600)
  assert.deepEqual(signingAlgorithms, ['ES256'])
})

test('profiles: where ES256 is not allowed, another permitted algorithm is the default', async () => {
  const machine = { client_id: 'bank', jwks: { keys: [publicKey] }, grant_types: ['client_credentials'] }
  const algorithmsOf = async (input: Input, tenant?: string) => {
    const { clients, tenantIssuers } = parsedWith({ ...base, ...input })
    const client = await (tenant === undefined ? clients : tenantIssuers.get(tenant)?.clients)?.find('bank')
    return [client?.id_token_signed_response_alg, client?.authorization_signed_response_alg]
  }
  const both = ['PS256', 'PS256']
  const only = { signature_algorithms: ['PS256'] }
  const security_profile = 'fapi2-security'
  assert.deepEqual(await algorithmsOf({ ...only, security_profile, clients: [machine] }), both)
  const others = { signature_algorithms: ['RS256', 'PS256'], clients: [{ ...machine, security_profile }] }
  assert.deepEqual(await algorithmsOf({ ...others, api_resources: [] }), both)
  const acme = { name: 'acme', issuer: 'path', clients: [machine] }
  assert.deepEqual(await algorithmsOf({ ...only, security_profile, tenants: [acme] }, 'acme'), both)
  const own = { ...acme, ...only, security_profile }
  assert.deepEqual(await algorithmsOf({ tenants: [own] }, 'acme'), both)

  // Access tokens of this API would be signed by the first one.
  assert.deepEqual(
    errorsOf({ ...base, ...others, clients: [{ ...bank, security_profile }] }).map(({ path }) => path),
    ['api_resources[0].access_token_signing_alg'],
  )
  const messages = missingIn(plainOf({ ...base, ...only, clients: [bank] }), 'fapi2-message-signing')
  assert.deepEqual(
    messages.filter(({ diagnostic: { path } }) => path.endsWith('_signed_response_alg')),
    [],
  )
})

test('profiles: each profile includes the weaker ones', () => {
  const of = (name: keyof typeof cases) => new Set(requirementsOf(name))
  const [oauth, security, signing] = [of('oauth2.1'), of('fapi2-security'), of('fapi2-message-signing')]
  assert.ok([...security].every(one => signing.has(one)))
  // A code that is redeemed without redirect_uri is an exception of OAuth 2.1.
  assert.deepEqual(
    [...oauth].filter(one => !security.has(one)).map(({ section }) => section),
    ['10.2'],
  )
})

test('profiles: a tenant has the profile of the server or another one, and a client at least that of its issuer', async () => {
  const tenant = { name: 'acme', issuer: 'path', clients: [bank] }
  const { tenantIssuers } = parsedWith({
    ...base,
    security_profile: 'fapi2-security',
    tenants: [
      tenant,
      { ...tenant, name: 'own', security_profile: 'fapi2-message-signing' },
      {
        ...tenant,
        name: 'none',
        security_profile: 'none',
        clients: [{ ...bank, token_endpoint_auth_method: 'private_key_jwt' }],
      },
    ],
  })
  const profileOf = async (name: string) => {
    const own = tenantIssuers.get(name)
    return [
      own?.securityProfile,
      own?.authorizationRequests.requireSigned,
      (await own?.clients.find('bank'))?.security_profile,
    ]
  }
  assert.deepEqual(await profileOf('acme'), ['fapi2-security', false, 'fapi2-security'])
  assert.deepEqual(await profileOf('own'), ['fapi2-message-signing', true, 'fapi2-message-signing'])
  assert.deepEqual(await profileOf('none'), [undefined, false, undefined])

  const lax = { ...tenant, authorization_requests: { require_pushed: false } }
  assert.deepEqual(
    errorsOf({ ...base, security_profile: 'fapi2-security', tenants: [lax] }).map(({ path }) => path),
    ['tenants[0].authorization_requests.require_pushed'],
  )
  assert.deepEqual(
    errorsOf({ ...base, tenants: [{ name: 'shared', security_profile: 'oauth2.1' }] }).map(
      ({ path }) => path,
    ),
    ['tenants[0].security_profile'],
  )
  const weak = { ...bank, security_profile: 'oauth2.1' }
  assert.deepEqual(
    errorsOf({ ...base, security_profile: 'fapi2-security', clients: [weak] }).map(({ path }) => path),
    ['clients[0].security_profile'],
  )
})

test('profiles: the settings that a client with a profile shares with others are checked', () => {
  const client = { ...bank, security_profile: 'fapi2-security' }
  const apis = [{ name: 'urn:api', scopes: ['accounts'], access_token_signing_alg: 'RS256' }]
  for (const [more, path] of [
    [{ authorization_requests: { pushed_lifetime: 600 } }, 'authorization_requests.pushed_lifetime'],
    [{ compatibility: 'identityserver4' }, 'compatibility'],
    [{ api_resources: apis }, 'api_resources[0].access_token_signing_alg'],
  ] as const) {
    const input = { ...base, ...more, clients: [client] }
    assert.deepEqual(
      errorsOf(input).map(error => error.path),
      [path],
    )
    parsedWith({ ...input, clients: [{ ...bank, token_endpoint_auth_method: 'private_key_jwt' }] })
  }
})

test('profiles: an issuer without TLS is reported, and starts for development', () => {
  const input = { ...base, issuer: undefined, security_profile: 'fapi2-security', clients: [bank] }
  for (const issuer of [undefined, 'http://localhost:5080']) {
    assert.deepEqual(
      [
        ...new Set(
          missingIn({ ...input, issuer }, 'fapi2-security').map(({ diagnostic }) => diagnostic.path),
        ),
      ],
      ['issuer'],
    )
  }
  assert.deepEqual(missingIn({ ...input, issuer: 'https://login.example' }, 'fapi2-security'), [])
})

test('profiles guide: its tables are those of the code', () => {
  const guide = readText('docs/guides/profiles.md')
  for (const profile of Object.keys(cases) as (keyof typeof cases)[]) {
    const rows = requirements
      .filter(one => one.profile === profile)
      .map(({ section, requirement, setting }) => `| ${section} | ${requirement} | ${codeOf(setting)} |`)
    assert.ok(guide.includes(rows.join('\n')), `the table of ${profile} is:\n${rows.join('\n')}`)
  }
})

/** Names of keys are code. */
const codeOf = (setting: string): string =>
  setting.replaceAll(/\b[a-z]+(?:[_.][a-z_]+)+\b|\bissuer\b/g, '`$&`')
