/**
 * Every place that accepts access tokens has a row, and a token that is bound to a key needs a proof there (RFC 9449 §7).
 * A new file that verifies access tokens fails until it is in the table.
 */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { adminScopes } from '../../packages/server/src/model/admin-api.ts'
import type { GrantContext, GrantRequest } from '../../packages/server/src/model/extension-grant.ts'
import { pageRoutes, protocolRoutes } from '../../packages/server/src/model/routes.ts'
import { adminWorld } from '../support/admin.ts'
import { createProver } from '../support/dpop.ts'
import { assertRefused } from '../support/refused.ts'
import { createTestServer } from '../support/tessera.ts'

const secret = 'a-secret-of-an-operator'
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
/** A grant of an operator that does not look at the key of the token. */
const derive = {
  grantType: 'urn:example:derive',
  parameters: { token: { required: true } },
  async decide({ parameters }: GrantRequest, { verifyAccessToken }: GrantContext) {
    const derivedFrom = await verifyAccessToken(parameters.get('token') ?? '')
    return derivedFrom
      ? { ok: true as const, subject: { sub: derivedFrom.sub }, derivedFrom }
      : { ok: false as const }
  },
}
const server = await createTestServer({
  ...adminWorld,
  grants: [derive],
  registration: { mode: 'open' },
  clients: adminWorld.clients.map(client => ({
    ...client,
    grant_types: [...client.grant_types, exchange, derive.grantType],
    dpop_bound_access_tokens: true,
  })),
})
const prover = await createProver()

const tokenOf = async (form: Record<string, string>, client = 'operator'): Promise<string> => {
  const { json } = await server.token(form, { client: [client, secret], headers: { dpop: prover.proof() } })
  assert.equal(json.token_type, 'DPoP', JSON.stringify(json))
  return json.access_token
}
const adminToken = () => tokenOf({ grant_type: 'client_credentials', scope: adminScopes.join(' ') })
const userToken = () =>
  tokenOf(
    { grant_type: 'password', username: 'fiona', password: 'seven purple kettles', scope: 'openid api1' },
    'web',
  )

type Place = { readonly token: () => Promise<string>; readonly path: string }

/** Where access tokens are credentials of the caller. */
const accepting: Readonly<Record<string, Place>> = {
  userinfo: { token: userToken, path: '/connect/userinfo' },
  admin: { token: adminToken, path: '/admin/api/v1/users' },
}

/** Every file that verifies access tokens, and how their keys are checked there. */
const verifying: Readonly<Record<string, string>> = {
  'app/protocol-endpoints.ts': 'for extension grants, such as token exchange: tested below',
  'endpoints/admin/caller.ts': 'the route admin',
  'endpoints/introspection/token-description.ts':
    'a parameter, whose sender authenticates as a client or API',
  'endpoints/revocation/revocation.ts': 'a parameter, whose sender authenticates as a client',
  'endpoints/token/grants/presented-tokens.ts': 'for extension grants, such as token exchange: tested below',
  'endpoints/token/grants/token-exchange.ts': 'token exchange: tested below',
  'endpoints/userinfo/userinfo.ts': 'the route userinfo',
  'tokens/verification.ts': 'the verifier itself',
}

test('access tokens: each file that verifies one is in the table', () => {
  const folder = new URL('../../packages/server/src/', import.meta.url)
  const found = globSync('**/*.ts', { cwd: fileURLToPath(folder) }).filter(file =>
    readFileSync(new URL(file, folder), 'utf8').includes('verifyAccessToken('),
  )
  assert.deepEqual(found.toSorted(), Object.keys(verifying).toSorted())
})

test('access tokens: a bound token opens none of the other routes', async () => {
  const token = await userToken()
  const all: Readonly<Record<string, { readonly path: string }>> = { ...protocolRoutes, ...pageRoutes }
  for (const [name, route] of Object.entries(all).filter(([name]) => !(name in accepting))) {
    const path = route.path.replaceAll(/\{\w+\}/g, 'x')
    const without = await server.send('GET', path)
    const bearer = await server.send('GET', path, { headers: { authorization: `Bearer ${token}` } })
    assert.equal(bearer.status, without.status, name)
  }
})

for (const [name, { token: tokenFor, path }] of Object.entries(accepting))
  test(`access tokens: at ${name}, a bound token needs the scheme DPoP and a proof that was not used before`, async () => {
    const token = await tokenFor()
    const send = (headers: Readonly<Record<string, string>>) => server.send('GET', path, { headers })
    const headers = prover.headers(token, { path })
    assert.equal(
      (await send({ ...headers, authorization: `Bearer ${token}` })).reason,
      'bound_token_as_bearer',
    )
    assert.equal((await send({ authorization: `DPoP ${token}` })).reason, 'dpop_proof_malformed')
    const wrong = await send(prover.headers(token, { path: '/connect/token' }))
    assert.equal(wrong.reason, 'dpop_url_wrong')
    assert.equal(wrong.status, 401)
    assert.match(String(wrong.headers['www-authenticate']), /^DPoP .*error="invalid_dpop_proof"/)
    assert.equal((await send(headers)).status, 200)
    assert.equal((await send(headers)).reason, 'dpop_proof_replayed')
  })

test('access tokens: a bound token without the needed scope gets a challenge of its own scheme [RFC 9449 §7.1]', async () => {
  const token = await tokenOf({ grant_type: 'client_credentials', scope: 'admin:clients.read' })
  const path = '/admin/api/v1/users'
  const { status, headers } = await server.send('GET', path, { headers: prover.headers(token, { path }) })
  assert.equal(status, 403)
  assert.match(String(headers['www-authenticate']), /^DPoP .*error="insufficient_scope".*algs="[^"]*ES256/)
})

test('access tokens: a bound token that is exchanged, as subject or actor, needs a proof of its key', async () => {
  const [subject_token, another] = [await userToken(), await createProver()]
  const type = 'urn:ietf:params:oauth:token-type:access_token'
  const subject = { grant_type: exchange, subject_token, subject_token_type: type }
  const actor = { ...subject, actor_token: subject_token, actor_token_type: type }
  const send = (form: Record<string, string>, dpop: string) =>
    server.token(form, { client: ['web', secret], headers: { dpop } })
  for (const form of [subject, actor]) {
    const refused = await send(form, another.proof())
    assertRefused(refused, 'invalid_request', 'subject_token_bound_to_another_key')
    assert.equal((await send(form, prover.proof())).json.token_type, 'DPoP')
  }
})

test('access tokens: an extension grant derives a token from a bound one only with a proof of its key', async () => {
  const form = { grant_type: derive.grantType, token: await userToken(), scope: 'api1' }
  const send = (dpop: string) => server.token(form, { client: ['web', secret], headers: { dpop } })
  const refused = await send((await createProver()).proof())
  assertRefused(refused, 'invalid_request', 'extension_token_bound_to_another_key')
  assert.equal((await send(prover.proof())).json.token_type, 'DPoP')
})

test('access tokens: tokens of registrations are never bound, and not accepted with the scheme DPoP', async () => {
  const registered = await server.send('POST', '/connect/register', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: ['https://app.example/cb'], dpop_bound_access_tokens: true }),
  })
  assert.equal(registered.status, 201, registered.body)
  assert.equal(registered.json.dpop_bound_access_tokens, true)
  const { registration_access_token: token, registration_client_uri } = registered.json
  const { pathname: path } = new URL(registration_client_uri)
  const send = (headers: Readonly<Record<string, string>>) => server.send('GET', path, { headers })
  assert.equal((await send({ authorization: `Bearer ${token}` })).status, 200)
  assert.equal((await send(prover.headers(token, { path }))).reason, 'registration_token_missing')
})
