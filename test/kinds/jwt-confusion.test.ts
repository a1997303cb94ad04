/**
 * Every kind of JWT that this server signs, at every place that accepts one: none is accepted as another (RFC 8725
 * §3.11, §3.12).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { type Answer, basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const end = 4_000_000_000
/** Claims that an operator may put into every token: they turn none of them into another kind. */
const confusing = {
  ...{ client_id: 'web', scope: 'openid api1', jti: 'x', exp: end, token_use: 'access_token' },
  ...{ response_type: 'code', redirect_uri: redirectUri, events: {}, typ: 'at+jwt' },
}

/** @param jwks The worst configuration: the keys of this server are those of its clients. */
const worldOf = (typ: 'JWT' | 'at+jwt', jwks?: object) => ({
  ...world,
  identity_resources: [...world.identity_resources, { name: 'profile', claims: Object.keys(confusing) }],
  api_resources: [
    {
      ...world.api_resources[0],
      access_token_typ: typ,
      access_token_signing_alg: 'RS256',
    },
  ],
  users: world.users.map(user => ({ ...user, claims: { ...user.claims, ...confusing } })),
  clients: [
    {
      client_id: 'web',
      client_secrets: [{ value: secret }],
      grant_types: ['authorization_code', exchange],
      redirect_uris: [redirectUri],
      scope: 'openid profile api1',
      always_include_user_claims_in_id_token: true,
      userinfo_signed_response_alg: 'RS256',
      ...(jwks && { jwks }),
    },
    ...(jwks
      ? [
          {
            client_id: 'signer',
            token_endpoint_auth_method: 'private_key_jwt',
            jwks,
            grant_types: [exchange],
          },
        ]
      : []),
  ],
})

type Jwts = Readonly<
  Record<'access token' | 'ID token' | 'UserInfo' | 'introspection' | 'authorization response', string>
>

async function start(typ: 'JWT' | 'at+jwt'): Promise<{ server: TestServer; jwts: Jwts }> {
  const server = await createTestServer(worldOf(typ))
  const { json: jwks } = await server.send('GET', '/.well-known/openid-configuration/jwks')
  await server.reconfigure(worldOf(typ, { keys: jwks.keys }))
  const code = await issueCode(server, { scope: ['api1', 'openid', 'profile'] })
  const form = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri }
  const { json } = await server.token(form, { client: ['web', secret] })
  const bearer = { authorization: `Bearer ${json.access_token}` }
  const userinfo = await server.send('GET', '/connect/userinfo', { headers: bearer })
  const introspection = await server.send('POST', '/connect/introspect', {
    form: { token: json.access_token },
    headers: { ...basic('web', secret), accept: 'application/token-introspection+jwt' },
  })
  const responded = await server.send('GET', authorizeWith({ response_mode: 'jwt' }))
  return {
    server,
    jwts: {
      'access token': json.access_token,
      'ID token': json.id_token,
      UserInfo: userinfo.body,
      introspection: introspection.body,
      'authorization response': String(responded.headers.location).replace(/^.*response=/, ''),
    },
  }
}

const web = { client: ['web', secret] as const }
const authorizeWith = (more: Record<string, string>) => {
  const query = new URLSearchParams({
    ...{
      client_id: 'web',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: redirectUri,
      prompt: 'none',
    },
    ...{ code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' },
    ...more,
  })
  return `/connect/authorize?${query}`
}
const isOk = ({ status }: Answer): boolean => status === 200
const swap = (server: TestServer, more: Record<string, string>) =>
  server.token({ grant_type: exchange, subject_token_type: accessTokenType, ...more }, web)

/** Whether a place accepts a JWT as the kind that it expects. */
const places: Readonly<Record<string, (server: TestServer, jwt: string, jwts: Jwts) => Promise<boolean>>> = {
  userinfo: async (server, jwt) =>
    isOk(await server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${jwt}` } })),
  'introspection by a client': async (server, token) =>
    (await server.send('POST', '/connect/introspect', { form: { token }, headers: basic('web', secret) }))
      .json.active,
  'introspection by an API': async (server, token) => {
    const headers = basic('urn:api', 'api-secret')
    return (await server.send('POST', '/connect/introspect', { form: { token }, headers })).json.active
  },
  subject_token: async (server, subject_token) => isOk(await swap(server, { subject_token })),
  actor_token: async (server, actor_token, jwts) =>
    isOk(
      await swap(server, {
        subject_token: jwts['access token'],
        ...{ actor_token, actor_token_type: accessTokenType },
      }),
    ),
  'id_token_hint at authorize': async (server, id_token_hint) =>
    (await server.send('GET', authorizeWith({ id_token_hint }))).reason === 'login_required',
  'id_token_hint at endsession': async (server, id_token_hint) => {
    const before = server.logged.length
    await server.send('GET', `/connect/endsession?${new URLSearchParams({ id_token_hint })}`)
    return !server.logged.slice(before).some(({ reason }) => reason === 'id_token_hint_invalid')
  },
  request: async (server, request) =>
    !String((await server.send('GET', authorizeWith({ request }))).reason).startsWith('request_object'),
  client_assertion: async (server, client_assertion) =>
    isOk(
      await server.send('POST', '/connect/revocation', {
        form: {
          ...{ client_assertion, token: 'x' },
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        },
      }),
    ),
}

const takers: Readonly<Record<string, readonly string[]>> = {
  'access token': [
    ...['userinfo', 'introspection by a client', 'introspection by an API', 'subject_token', 'actor_token'],
  ],
  'ID token': ['id_token_hint at authorize', 'id_token_hint at endsession'],
}

for (const typ of ['at+jwt', 'JWT'] as const)
  test(`jwts: with access tokens of type ${typ} each kind is accepted where it belongs, and nowhere else [RFC 8725 §3.11]`, async () => {
    const { server, jwts } = await start(typ)
    const taken: Record<string, string[]> = {}
    for (const [kind, jwt] of Object.entries(jwts)) {
      assert.match(jwt, /^[\w-]+\.[\w-]+\.[\w-]+$/, kind)
      taken[kind] = []
      for (const [place, takes] of Object.entries(places))
        if (await takes(server, jwt, jwts)) taken[kind].push(place)
    }
    assert.deepEqual(taken, { ...takers, UserInfo: [], introspection: [], 'authorization response': [] })
  })
