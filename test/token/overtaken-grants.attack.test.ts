/**
 * Grants whose module decided just before the user's access ended: none issues tokens, as with a password or a sign-in.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser } from '../support/accounts.ts'
import { beforeWriting, endings } from '../support/overtaken.ts'
import { assertRefused } from '../support/refused.ts'
import { type Answer, createTestServer, startOfTime, type TestServer } from '../support/tessera.ts'

type Context = { readonly user: (sub: string) => Promise<unknown> }
/** `whose`: the `sub` that the modules decide on. `meanwhile`: runs before their answer. */
type Decides = { whose: string; meanwhile: (asked: number) => unknown; asked: number; isOnce: boolean }

const grantType = 'urn:example:ticket'

/** Starts a server with modules that decide for one user. */
async function started(): Promise<{ server: TestServer; decides: Decides }> {
  const decides: Decides = { whose: '', meanwhile: () => {}, asked: 0, isOnce: false }
  const answer = async () => {
    decides.asked += 1
    await decides.meanwhile(decides.asked)
  }
  const ticket = {
    grantType,
    parameters: {},
    async decide(_: unknown, { user }: Context) {
      const { whose: sub, isOnce } = decides
      await user(sub)
      await answer()
      return isOnce && decides.asked > 1 ? { ok: false } : { ok: true, subject: { sub } }
    },
  }
  const previousRefreshToken = async () => {
    await answer()
    const times = { expires_at: startOfTime + 86_400, auth_time: startOfTime }
    return { sub: decides.whose, client_id: 'direct', scope: ['api1'], ...times }
  }
  const world = accountsWorld()
  const clients = world.clients.map(client =>
    'grant_types' in client && client.client_id === 'direct'
      ? { ...client, grant_types: [...(client.grant_types ?? []), grantType] }
      : client,
  )
  const input = { ...world, clients, grants: [ticket], previousRefreshToken }
  return { server: await createTestServer(input), decides }
}

const client = ['direct', 's'] as const
const byTicket = (server: TestServer) =>
  server.token({ grant_type: grantType, scope: 'openid api1 offline_access' }, { client })
const grants: Readonly<Record<string, (server: TestServer) => Promise<Answer>>> = {
  'an extension grant': byTicket,
  'a refresh token of the server before': server =>
    server.token({ grant_type: 'refresh_token', refresh_token: 'of the server before' }, { client }),
}

for (const [grant, ask] of Object.entries(grants)) {
  for (const [name, end] of Object.entries(endings))
    test(`attack: ${grant} fails for a stored user if it is overtaken by ${name}`, async () => {
      const { server, decides } = await started()
      decides.whose = await addUser(server)
      const acted = beforeWriting(server, () => end(server, decides.whose))
      assertRefused(await ask(server), 'invalid_grant', 'no_longer_valid')
      assert.ok(acted())
    })

  for (const [kind, sub] of Object.entries({ 'of the configuration': '1', 'without a record': 'guest-12' }))
    test(`attack: ${grant} fails for a user ${kind} if it is overtaken by a revocation`, async () => {
      const { server, decides } = await started()
      decides.whose = sub
      const acted = beforeWriting(server, async () => void (await server.endAccess(sub)))
      assertRefused(await ask(server), 'invalid_grant', 'no_longer_valid')
      assert.ok(acted())
    })
}

for (const [name, end] of Object.entries(endings))
  test(`attack: an extension grant that looked the user up fails if ${name} overtakes its decision`, async () => {
    const { server, decides } = await started()
    decides.whose = await addUser(server)
    decides.meanwhile = () => end(server, decides.whose)
    assert.deepEqual([(await byTicket(server)).status, decides.asked], [400, 1])
  })

test('attack: an extension grant is asked again if a revocation of a user who is not stored overtakes its decision', async () => {
  const { server, decides } = await started()
  decides.whose = 'guest-12'
  decides.meanwhile = asked => asked === 1 && server.endAccess('guest-12')
  assert.deepEqual([(await byTicket(server)).status, decides.asked], [200, 2])
  server.clock.advance(120)
  Object.assign(decides, { asked: 0, isOnce: true })
  assertRefused(await byTicket(server), 'invalid_grant', 'extension_refused')
  assert.equal(decides.asked, 2)
  // Nothing has ended since it was asked this time.
  server.clock.advance(120)
  Object.assign(decides, { asked: 0, isOnce: false, meanwhile: () => {} })
  assert.deepEqual([(await byTicket(server)).status, decides.asked], [200, 1])
})
