import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxTokenLength } from '@tessera/protocol/parameters'
import { assertRefused } from '../support/refused.ts'
import { type Answer, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const client = ['roclient', secret] as const
const days = 86_400

const signIn = async (server: TestServer, scope = 'openid api1 offline_access'): Promise<Answer> =>
  server.token({ grant_type: 'password', username: 'bob', password: 'bob', scope }, { client })

const refresh = (
  server: TestServer,
  refresh_token: string,
  more: Record<string, string> = {},
  by: readonly [string, string] = client,
): Promise<Answer> => server.token({ grant_type: 'refresh_token', refresh_token, ...more }, { client: by })

const withRoclient = (changes: object) => withClients({ client_id: 'roclient', ...changes })

test('refresh: returns new tokens, and an ID token if openid was granted [token-refresh-002]', async () => {
  const server = await createTestServer(world)
  const first = await signIn(server)
  server.clock.advance(100)
  const { status, json } = await refresh(server, first.json.refresh_token)
  assert.equal(status, 200)
  assert.equal(json.scope, 'api1 offline_access openid')
  const idToken = claimsOf(json.id_token)
  assert.equal(idToken.sub, '88421113')
  assert.equal(idToken.auth_time, server.clock.now() - 100)
  const before = claimsOf(first.json.access_token)
  const after = claimsOf(json.access_token)
  assert.equal(after.authorization_id, before.authorization_id)
  assert.equal(after.iat, before.iat + 100)
  assert.notEqual(after.jti, before.jti)
})

test('refresh: one_time rotates, reuse keeps the value [token-refresh-003] [token-refresh-004]', async () => {
  const rotating = await createTestServer(world)
  const first = (await signIn(rotating)).json.refresh_token
  const second = (await refresh(rotating, first)).json.refresh_token
  assert.notEqual(second, first)
  const reusing = await createTestServer(withRoclient({ refresh_token_usage: 'reuse' }))
  const kept = (await signIn(reusing)).json.refresh_token
  assert.equal((await refresh(reusing, kept)).json.refresh_token, kept)
  reusing.clock.advance(1000)
  assert.equal((await refresh(reusing, kept)).json.refresh_token, kept)
})

test('refresh: an old token after the window is refused and revokes the sign-in [token-refresh-005]', async () => {
  const server = await createTestServer(world)
  const first = (await signIn(server)).json.refresh_token
  const second = await refresh(server, first)
  server.clock.advance(11)
  const replayed = await refresh(server, first)
  assert.equal(replayed.status, 400)
  assertRefused(replayed, 'invalid_grant', 'refresh_token_reused')
  assertRefused(await refresh(server, second.json.refresh_token), 'invalid_grant', 'authorization_revoked')
  const { json } = await server.send('POST', '/connect/introspect', {
    form: { token: second.json.access_token, client_id: 'roclient', client_secret: secret },
  })
  assert.deepEqual(json, { active: false })
})

test('refresh: without a retry window, every old token counts as reuse immediately', async () => {
  const server = await createTestServer(withRoclient({ refresh_token_retry_window: 0 }))
  const first = (await signIn(server)).json.refresh_token
  await refresh(server, first)
  assertRefused(await refresh(server, first), 'invalid_grant', 'refresh_token_reused')
})

test('refresh: a retry inside the window returns the same next token, while that one is unused', async () => {
  const server = await createTestServer(world)
  const first = (await signIn(server)).json.refresh_token
  const second = (await refresh(server, first)).json.refresh_token
  server.clock.advance(10)
  assert.equal((await refresh(server, first)).json.refresh_token, second)
  const third = (await refresh(server, second)).json.refresh_token
  assertRefused(await refresh(server, first), 'invalid_grant', 'refresh_token_reused')
  assertRefused(await refresh(server, third), 'invalid_grant', 'authorization_revoked')
})

test('refresh: a hundred concurrent uses of one token create one next token', async () => {
  const server = await createTestServer(world)
  const first = (await signIn(server)).json.refresh_token
  const answers = await Promise.all(Array.from({ length: 100 }, () => refresh(server, first)))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  assert.equal(new Set(answers.map(({ json }) => json.refresh_token)).size, 1)
})

test('refresh: any old generation is recognized as reuse', async () => {
  const server = await createTestServer(world)
  const first = (await signIn(server)).json.refresh_token
  let newest = first
  for (let generation = 0; generation < 20; generation++)
    newest = (await refresh(server, newest)).json.refresh_token
  assertRefused(await refresh(server, first), 'invalid_grant', 'refresh_token_reused')
  assertRefused(await refresh(server, newest), 'invalid_grant', 'authorization_revoked')
})

test('refresh: a revoked token is refused [token-refresh-007]', async () => {
  const server = await createTestServer(world)
  const token = (await signIn(server)).json.refresh_token
  await server.send('POST', '/connect/revocation', {
    form: { token, client_id: 'roclient', client_secret: secret },
  })
  assertRefused(await refresh(server, token), 'invalid_grant', 'authorization_revoked')
})

test('refresh: refresh_token is required [token-refresh-008]', async () => {
  const server = await createTestServer(world)
  const { status, json, reason } = await server.token({ grant_type: 'refresh_token' }, { client })
  assert.equal(status, 400)
  assertRefused({ json, reason }, 'invalid_request', 'refresh_token_missing')
})

test('refresh: malformed, overlong and tampered tokens are invalid_grant [token-refresh-009] [token-refresh-010]', async () => {
  const server = await createTestServer(world)
  const good: string = (await signIn(server)).json.refresh_token
  const middle = 30
  const tampered = good.slice(0, middle) + (good[middle] === 'A' ? 'B' : 'A') + good.slice(middle + 1)
  for (const token of ['nope', tampered, `${good}A`, good.slice(0, -1), good.toUpperCase()])
    assertRefused(await refresh(server, token), 'invalid_grant', 'refresh_token_malformed', token)
  assertRefused(await refresh(server, 'x'.repeat(maxTokenLength + 1)), 'invalid_grant', 'parameter_too_long')
  assert.equal((await refresh(server, good)).status, 200)
})

test('refresh: a token expires at its absolute lifetime, which refreshing does not extend [token-refresh-011] [token-refresh-020] [token-refresh-025]', async () => {
  const server = await createTestServer(world)
  let token = (await signIn(server)).json.refresh_token
  server.clock.advance(29 * days)
  token = (await refresh(server, token)).json.refresh_token
  server.clock.advance(1 * days - 1)
  token = (await refresh(server, token)).json.refresh_token
  server.clock.advance(1)
  assertRefused(await refresh(server, token), 'invalid_grant', 'refresh_token_expired')
})

test('refresh: a sliding lifetime restarts at each use, up to the absolute one [token-refresh-021] [token-refresh-022] [token-refresh-023]', async () => {
  const server = await createTestServer(withRoclient({ refresh_token_expiration: 'sliding' }))
  let token = (await signIn(server)).json.refresh_token
  server.clock.advance(15 * days - 1)
  token = (await refresh(server, token)).json.refresh_token
  server.clock.advance(15 * days - 1)
  token = (await refresh(server, token)).json.refresh_token
  server.clock.advance(2)
  assertRefused(await refresh(server, token), 'invalid_grant', 'refresh_token_expired')

  const idle = await createTestServer(withRoclient({ refresh_token_expiration: 'sliding' }))
  const unused = (await signIn(idle)).json.refresh_token
  idle.clock.advance(15 * days)
  assertRefused(await refresh(idle, unused), 'invalid_grant', 'refresh_token_idle_too_long')

  const capped = await createTestServer(
    withRoclient({
      refresh_token_expiration: 'sliding',
      sliding_refresh_token_lifetime: 100,
      absolute_refresh_token_lifetime: 10,
    }),
  )
  const short = (await signIn(capped)).json.refresh_token
  capped.clock.advance(10)
  assertRefused(await refresh(capped, short), 'invalid_grant', 'refresh_token_expired')
})

test('refresh: a sliding lifetime with an absolute one of 0 never ends while it is used', async () => {
  const server = await createTestServer(
    withRoclient({ refresh_token_expiration: 'sliding', absolute_refresh_token_lifetime: 0 }),
  )
  let token = (await signIn(server)).json.refresh_token
  for (let month = 0; month < 30; month++) {
    server.clock.advance(14 * days)
    await server.stores.cleanUp(server.clock.now())
    const { status, json } = await refresh(server, token)
    assert.equal(status, 200)
    token = json.refresh_token
  }
})

const expiryOf = ({ json }: Answer) => [json.refresh_token_timeout, json.authorization_expires_in]
const slides = { refresh_token_expiration: 'sliding', sliding_refresh_token_lifetime: 7 * days }

for (const refresh_token_usage of ['one_time', 'reuse'])
  for (const [mode, settings, expected] of [
    // The example of §6.3.
    [
      'sliding',
      { ...slides, absolute_refresh_token_lifetime: 10 * days },
      [
        [7, 10],
        [7, 8],
        [3, 3],
      ],
    ],
    ['sliding without end', { ...slides, absolute_refresh_token_lifetime: 0 }, [[7], [7], [7]]],
    [
      'absolute',
      { absolute_refresh_token_lifetime: 10 * days },
      [
        [10, 10],
        [8, 8],
        [3, 3],
      ],
    ],
  ] as const)
    test(`refresh: responses tell the expiry of the refresh token and of the authorization, ${refresh_token_usage}, ${mode} [draft-ietf-oauth-refresh-token-expiration-03 §6.1, §6.3]`, async () => {
      const server = await createTestServer(withRoclient({ ...settings, refresh_token_usage }))
      const inSeconds = expected.map(([timeout, end]) => [timeout * days, end && end * days])
      let answer = await signIn(server)
      assert.deepEqual(expiryOf(answer), inSeconds[0])
      for (const [index, wait] of [2, 5].entries()) {
        server.clock.advance(wait * days)
        const sent = answer.json.refresh_token
        // A narrower scope changes nothing.
        answer = await refresh(server, sent, index === 0 ? { scope: 'api1' } : {})
        assert.deepEqual(expiryOf(answer), inSeconds[index + 1])
        // A retry does not extend anything.
        server.clock.advance(9)
        const retried = expiryOf(await refresh(server, sent))
        const slid =
          refresh_token_usage === 'reuse' &&
          mode !== 'absolute' &&
          answer.json.refresh_token_timeout === 7 * days
        const [timeout = 0, end] = expiryOf(answer)
        assert.deepEqual(retried, [slid ? timeout : timeout - 9, end && end - 9])
        server.clock.advance(-9)
      }
    })

test('refresh: access tokens don’t outlive the authorization, and responses without a refresh token tell no expiry [draft-ietf-oauth-refresh-token-expiration-03 §5]', async () => {
  const server = await createTestServer(withRoclient({ absolute_refresh_token_lifetime: 5000 }))
  const first = await signIn(server)
  assert.deepEqual([first.json.expires_in, ...expiryOf(first)], [3600, 5000, 5000])
  server.clock.advance(4900)
  const last = await refresh(server, first.json.refresh_token)
  assert.deepEqual([last.json.expires_in, ...expiryOf(last)], [100, 100, 100])
  assert.equal(claimsOf(last.json.access_token).exp, server.clock.now() + 100)
  const online = await signIn(server, 'openid api1')
  assert.deepEqual([online.json.expires_in, ...expiryOf(online)], [3600, undefined, undefined])
})

test('refresh: a token of another client is invalid_grant and remains valid [token-refresh-012]', async () => {
  const server = await createTestServer(world)
  const token = (await signIn(server)).json.refresh_token
  assertRefused(
    await refresh(server, token, {}, ['web', secret]),
    'invalid_grant',
    'refresh_token_of_another_client',
  )
  assert.equal((await refresh(server, token)).status, 200)
})

test('refresh: the scope can be narrowed for one token and never widened, and the family keeps its own [token-refresh-016]', async () => {
  const server = await createTestServer(world)
  const first = (await signIn(server, 'openid api1 api2 offline_access')).json.refresh_token
  const narrow = await refresh(server, first, { scope: 'api2' })
  assert.equal(narrow.json.scope, 'api2')
  assert.equal(claimsOf(narrow.json.access_token).scope, 'api2')
  assert.equal(claimsOf(narrow.json.access_token).role, undefined)
  const wide = await refresh(server, narrow.json.refresh_token, { scope: 'api1 email' })
  assert.equal(wide.json.error, 'invalid_scope')
  const whole = await refresh(server, narrow.json.refresh_token)
  assert.equal(whole.json.scope, 'api1 api2 offline_access openid')
  assert.deepEqual(claimsOf(whole.json.access_token).role, ['admin', 'geek'])
})

for (const resource of ['api', 'urn:unknown', 'urn:x#y', `urn:${'x'.repeat(600)}`]) {
  test(`refresh: a resource of ${resource.slice(0, 12)} is invalid_target [token-refresh-018]`, async () => {
    const server = await createTestServer(world)
    const token = (await signIn(server)).json.refresh_token
    assert.equal((await refresh(server, token, { resource })).json.error, 'invalid_target')
    assert.equal((await refresh(server, token)).status, 200)
  })
}

test('refresh: several resources are invalid_target [token-refresh-018]', async () => {
  const server = await createTestServer(world)
  const token = (await signIn(server)).json.refresh_token
  const form = `grant_type=refresh_token&refresh_token=${token}&resource=urn:api&resource=urn:other`
  assert.equal((await server.token(form, { client })).json.error, 'invalid_target')
})

/** Opens the same store with another configuration, like a restart after an edit. */
async function reconfigured(input: object, token: string): Promise<Answer & { reason: unknown }> {
  const before = await createTestServer(world)
  const { json } = await signIn(before)
  const after = await createTestServer(input, { stores: before.stores })
  const answer = await refresh(after, token || json.refresh_token)
  return { ...answer, reason: after.reason() }
}

test('refresh: a client that may no longer refresh is unauthorized_client; one that lost offline_access, invalid_grant [token-refresh-013]', async () => {
  const noGrant = await reconfigured(withRoclient({ grant_types: ['password'] }), '')
  assert.equal(noGrant.json.error, 'unauthorized_client')
  const noScope = await reconfigured(withRoclient({ scope: 'openid api1' }), '')
  assertRefused(noScope, 'invalid_grant', 'offline_access_withdrawn')
})

test('refresh: a client that may no longer use the user’s tenant gets invalid_grant', async () => {
  const before = await createTestServer(world)
  const carol = { grant_type: 'password', username: 'carol', password: 'carol', acr_values: 'tenant:acme' }
  const { json } = await before.token({ ...carol, scope: 'api1 offline_access' }, { client })
  const after = await createTestServer(withRoclient({ tenants: ['globex'] }), { stores: before.stores })
  assertRefused(await refresh(after, json.refresh_token), 'invalid_grant', 'user_of_another_tenant')
})

test('refresh: a scope that the client has lost is invalid_scope [token-refresh-019]', async () => {
  const { json } = await reconfigured(withRoclient({ scope: 'openid offline_access' }), '')
  assert.deepEqual(json, {
    error: 'invalid_scope',
    error_description: 'This client may no longer use the scope api1',
  })
})

test('refresh: a user who is no longer active is invalid_grant [token-refresh-014]', async () => {
  const users = world.users.map(user => ({ ...user, active: false }))
  assertRefused(await reconfigured({ ...world, users }, ''), 'invalid_grant', 'user_inactive')
})

test('refresh: user claims are kept, or read again if configured [token-refresh-027]', async () => {
  const users = [{ ...world.users[0], claims: { role: 'retired' } }]
  const { json: kept } = await reconfigured({ ...world, users }, '')
  assert.deepEqual(claimsOf(kept.access_token).role, ['admin', 'geek'])
  const { json: anew } = await reconfigured(
    { ...withRoclient({ update_access_token_claims_on_refresh: true }), users },
    '',
  )
  assert.equal(claimsOf(anew.access_token).role, 'retired')
})

test('refresh: a generation ahead of the store (a restored backup) is refused, logged as an error, and revokes the sign-in', async () => {
  const server = await createTestServer(world)
  const first = (await signIn(server)).json.refresh_token
  const { refresh_token: second } = (await refresh(server, first)).json
  const restored = await createTestServer(world, { stores: server.stores })
  const { family } = (await restored.stores.families.find(familyIn(second)))!
  const rolledBack = {
    ...restored.stores.families,
    find: async () => ({
      family: { ...family, generation: 1 },
      authorization: (await restored.stores.families.find(family.id))!.authorization,
    }),
  }
  const behind = await createTestServer(world, { stores: { ...server.stores, families: rolledBack } })
  assertRefused(await refresh(behind, second), 'invalid_grant', 'refresh_generation_ahead')
  assert.ok(
    behind.logged.some(({ level, event }) => level === 'error' && event === 'refresh_generation_ahead'),
  )
  // A thief with the earlier token must not continue when its owner can't.
  assertRefused(await refresh(behind, first), 'invalid_grant', 'authorization_revoked')
})

const familyIn = (token: string) =>
  Buffer.from(token.slice(3), 'base64url').toString('base64url', 1, 17) as never
