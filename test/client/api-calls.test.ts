/** API calls with the tokens of a session: the fetch wrapper, a session, Tessera, and the guard of the API together. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import {
  type AccessToken,
  type ApiChallenge,
  type ApiFetch,
  authorizationCode,
  clientSecretBasic,
  createAuthorizedFetch,
  createClient,
  createSession,
  memoryStore,
  type UserTokens,
  unwrap,
} from '@tessera/client'
import { createApiGuard, type Requirements } from '@tessera/client/api'
import { fetchGuard } from '@tessera/client/api/fetch'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { audience, startApi, type TesseraApi } from './api-world.ts'
import { createFaultyNetwork, faults, timeoutFor } from './faulty-network.ts'

const url = 'https://api.example/orders'
const scope = ['offline_access', 'read']

let api: TesseraApi
before(async () => {
  api = await startApi()
})

type Options = {
  readonly timeout?: number
  readonly requirements?: Requirements
  readonly onChallenge?: (
    challenge: ApiChallenge,
    use: (tokens: UserTokens) => Promise<AccessToken>,
  ) => Promise<AccessToken | undefined>
}

/** Opens a session, and an API whose requests go through a faulty network. */
async function open({ requirements = { scope: 'read' }, onChallenge, timeout = 60 }: Options = {}) {
  const { clock } = api.server
  let behind = 0
  const network = createFaultyNetwork(api.fetch)
  const client = createClient({
    ...{
      issuer: api.issuer,
      client_id: 'web',
      authentication: clientSecretBasic('secret'),
      fetch: network.fetch,
    },
    ...{ now: () => clock.now() - behind, timeout },
  })
  const tokensOf = async (authorization: Parameters<typeof issueCode>[1]): Promise<UserTokens> => {
    const code = await issueCode(api.server, { scope, ...authorization })
    return unwrap(
      await authorizationCode(client, { code, redirect_uri: redirectUri, code_verifier: verifier }),
    )
  }
  const store = memoryStore()
  const session = createSession(client, { store, retryWindow: 0 })
  await session.start(await tokensOf({}))
  network.reset()
  const guard = createApiGuard(api.trusted, { audience })
  let handled = 0
  const handler = fetchGuard(guard, requirements, async (request: Request) => {
    handled += 1
    return new Response(await request.text())
  })
  const calls = createFaultyNetwork((url, init) => handler(new Request(url, init)), '/orders')
  const use = async (tokens: UserTokens): Promise<AccessToken> => session.start(tokens)
  const call = createAuthorizedFetch(session, {
    origins: ['https://api.example'],
    fetch: calls.fetch as ApiFetch,
    onChallenge: onChallenge && (challenge => onChallenge(challenge, use)),
  })
  /** Lets the access token expire at the API, but not by the clock of the client. */
  const expire = (): void => {
    clock.advance(3700)
    behind += 3700
  }
  return { call, session, network, calls, expire, tokensOf, handled: () => handled }
}

const order = { method: 'POST', body: 'an order' }

test('api call: after the API refused the token, it is refreshed and the request repeated [RFC 6750 §3.1]', async () => {
  const { call, network, calls, expire, handled } = await open()
  const response = await call(url, order)
  assert.equal(await response.text(), 'an order')
  assert.equal(network.requests(), 0)
  expire()
  const again = await call(url, order)
  assert.equal(again.status, 200)
  assert.equal(await again.text(), 'an order')
  assert.equal(network.requests(), 1)
  assert.equal(calls.requests(), 3)
  assert.equal(handled(), 2)
})

for (const fault of faults)
  test(`api call: if the refresh after a 401 fails (${fault}), the response is returned and the session kept`, async () => {
    const { call, network, session, expire } = await open({ timeout: timeoutFor(fault) })
    expire()
    network.next.push(fault)
    const response = await call(url, order)
    assert.equal(response.status, 401)
    assert.notEqual(await session.tokens(), undefined)
    assert.equal((await call(url, order)).status, 200)
  })

for (const fault of faults)
  test(`api call: a fault of the call itself (${fault}) is the caller's, and refreshes nothing`, async () => {
    const { call, network, calls, session } = await open()
    const before = await session.tokens()
    calls.next.push(fault)
    const outcome = await call(url, { ...order, signal: AbortSignal.timeout(1000 * timeoutFor(fault)) })
      .then(response => response.text())
      .catch((error: Error) => error.name)
    assert.notEqual(outcome, 'an order')
    assert.equal(calls.requests(), 1)
    assert.equal(network.requests(), 0)
    assert.deepEqual(await session.tokens(), before)
    assert.equal(await (await call(url, order)).text(), 'an order')
  })

test('api call: more scope comes from the callback [RFC 6750 §3.1]', async () => {
  const asked: ApiChallenge[] = []
  const world = await open({
    requirements: { scope: 'read write' },
    async onChallenge(challenge, use) {
      asked.push(challenge)
      return use(await world.tokensOf({ scope: [...scope, 'write'] }))
    },
  })
  const response = await world.call(url, order)
  assert.equal(await response.text(), 'an order')
  assert.equal(asked.length, 1)
  assert.equal(asked[0]?.error, 'insufficient_scope')
  assert.equal(asked[0]?.scope, 'read write')
  assert.equal((await world.session.tokens())?.scope, 'offline_access read write')
  assert.equal((await world.call(url, order)).status, 200)
  assert.equal(asked.length, 1)
})

test('api call: a stronger and more recent sign-in comes from the callback [RFC 9470 §3]', async () => {
  const asked: ApiChallenge[] = []
  const world = await open({
    requirements: { scope: 'read', acr_values: 'mfa', max_age: 60 },
    async onChallenge(challenge, use) {
      asked.push(challenge)
      const auth_time = api.server.clock.now()
      return use(await world.tokensOf({ acr: challenge.acr_values, auth_time }))
    },
  })
  const response = await world.call(url, order)
  assert.equal(await response.text(), 'an order')
  assert.equal(asked.length, 1)
  assert.equal(asked[0]?.error, 'insufficient_user_authentication')
  assert.equal(asked[0]?.acr_values, 'mfa')
  assert.equal(asked[0]?.max_age, 60)
})
