/**
 * Whoever judges a token judges its user: UserInfo, introspection, refresh and token exchange read the same sign-in and
 * come to the same result. Each change of a user runs on every path.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { type Answer, basic, createTestServer, type TestServer } from '../support/tessera.ts'

const secret = 'a-secret-of-an-operator'
const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange'
const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token'
const actor_token_type = subject_token_type

const client = (client_id: string, changes: object = {}) => ({
  client_id,
  client_secrets: [{ value: secret }],
  grant_types: ['authorization_code', 'password', 'refresh_token', grant_type],
  redirect_uris: [callback],
  scope: 'openid api1 offline_access',
  ...changes,
})

const world = {
  ...pagesWorld,
  api_resources: [{ name: 'urn:api', scopes: ['api1', 'api2'], api_secrets: [{ value: secret }] }],
  clients: [
    ...pagesWorld.clients,
    client('jwt'),
    client('reference', { access_token_type: 'reference' }),
    client('service'),
  ],
}
type World = typeof world

const change = (sub: string, changes: object): World => ({
  ...world,
  users: world.users.map(user => (user.sub === sub ? { ...user, ...changes } : user)),
})
const withoutAcme = {
  ...world,
  tenants: world.tenants.filter(({ name }) => name !== 'acme'),
  users: world.users.filter(({ tenant }) => tenant !== 'acme'),
  clients: world.clients.filter(({ client_id }) => client_id !== 'acmeonly'),
}

type Change = {
  readonly username: string
  readonly password: string
  readonly acr_values?: string
  readonly after: object
}

const alice = { username: 'alice', password: 'wonderland' }
const sam = { username: 'sam', password: 'staff' }
const changes: Readonly<Record<string, Change>> = {
  'moved to another tenant': {
    ...{ username: 'carol', password: 'carol', acr_values: 'tenant:acme' },
    after: change('3', { tenant: 'globex' }),
  },
  'moved out of the tenant': {
    ...{ username: 'carol', password: 'carol', acr_values: 'tenant:acme' },
    after: change('3', { tenant: undefined }),
  },
  'moved into a tenant': { ...alice, after: change('1', { tenant: 'globex' }) },
  'of a provider, whose tenant was removed': {
    ...{ ...sam, acr_values: 'tenant:acme idp:directory' },
    after: withoutAcme,
  },
  'of a provider that was removed': {
    ...{ ...sam, acr_values: 'idp:directory' },
    after: { ...world, identity_providers: world.identity_providers.slice(1) },
  },
  inactive: { ...alice, after: change('1', { active: false }) },
  deleted: { ...alice, after: { ...world, users: world.users.slice(1) } },
}

type Tokens = { readonly access_token: string; readonly refresh_token: string; readonly others: string }
type Path = {
  readonly ask: (server: TestServer, tokens: Tokens, id: string) => Promise<Answer>
  /** The error; undefined if the response is `active: false`. */
  readonly error?: string
}

const introspect = (server: TestServer, token: string, [id, value]: readonly [string, string]) =>
  server.send('POST', '/connect/introspect', { form: { token }, headers: basic(id, value) })
const exchange = (server: TestServer, form: Record<string, string>) =>
  server.token({ grant_type, subject_token_type, scope: 'api1', ...form }, { client: ['service', secret] })

/** The places that judge the user of a token. */
const paths: Readonly<Record<string, Path>> = {
  userinfo: {
    ask: (server, { access_token }) =>
      server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${access_token}` } }),
    error: 'invalid_token',
  },
  'introspection of the access token by an API': {
    ask: (server, { access_token }) => introspect(server, access_token, ['urn:api', secret]),
  },
  'introspection of the access token by its client': {
    ask: (server, { access_token }, id) => introspect(server, access_token, [id, secret]),
  },
  'introspection of the refresh token': {
    ask: (server, { refresh_token }, id) => introspect(server, refresh_token, [id, secret]),
  },
  'exchange as subject': {
    ask: (server, { access_token }) => exchange(server, { subject_token: access_token }),
    error: 'invalid_grant',
  },
  'exchange as actor': {
    ask: (server, { access_token, others }) =>
      exchange(server, { subject_token: others, actor_token: access_token, actor_token_type }),
    error: 'invalid_grant',
  },
  // The last one, because it replaces the refresh token.
  refresh: {
    ask: (server, { refresh_token }, id) =>
      server.token({ grant_type: 'refresh_token', refresh_token }, { client: [id, secret] }),
    error: 'invalid_grant',
  },
}

async function tokensOf(server: TestServer, id: string, who: Change): Promise<Tokens> {
  const { username, password, acr_values } = who
  const scope = 'openid api1 offline_access'
  const page = await signIn(createBrowser(server), authorizePath({ client_id: id, scope, acr_values }), {
    ...{ username, password, button: 'login' },
  })
  const form = { grant_type: 'authorization_code', redirect_uri: callback, code_verifier: verifier }
  const { json } = await server.token(
    { ...form, code: answerOf(page).get('code') ?? '' },
    { client: [id, secret] },
  )
  const others = await server.token(
    { grant_type: 'password', username: 'bob', password: 'builder', scope: 'openid api1' },
    { client: [id, secret] },
  )
  return { ...json, others: others.json.access_token }
}

for (const id of ['jwt', 'reference'])
  for (const [what, who] of Object.entries(changes))
    for (const [path, { ask, error }] of Object.entries(paths))
      test(`two paths of tokens: ${path} refuses the ${id} token of a user who is ${what}`, async () => {
        const server = await createTestServer(world)
        const tokens = await tokensOf(server, id, who)
        const before = await ask(server, tokens, id)
        assert.equal(before.status, 200, before.body)
        const { json } = path === 'refresh' ? await ask(server, tokens, id) : before
        assert.notEqual(json.active, false)

        await server.reconfigure(who.after)
        const answer = await ask(server, { ...tokens, ...(path === 'refresh' && json) }, id)
        if (error === undefined) assert.deepEqual(answer.json, { active: false })
        // UserInfo names the error in its challenge.
        else if (path === 'userinfo')
          assert.match(String(answer.headers['www-authenticate']), new RegExp(`error="${error}"`))
        else assertRefused(answer, error, 'user_inactive')
        assert.equal(answer.reason ?? 'user_inactive', 'user_inactive')
        assert.equal(answer.status, { invalid_token: 401, invalid_grant: 400 }[error ?? ''] ?? 200)
      })
