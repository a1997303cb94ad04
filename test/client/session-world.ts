/** A session of a user at Tessera, with a network that loses requests and responses. */

import {
  type Client,
  clientSecretBasic,
  createClient,
  createSession,
  type Fetch,
  memoryStore,
  password,
  type Session,
  type SessionOptions,
  type SessionStore,
  unwrap,
} from '@tessera/client'
import { secret, withClients } from '../support/world.ts'
import { createFaultyNetwork } from './faulty-network.ts'
import { startTessera } from './servers.ts'

const bob = { username: 'bob', password: 'bob' }

/**
 * @param settings settings of the client in the server's configuration.
 * @param timeout seconds until a request fails.
 */
export async function startSessionWorld(settings: object = {}, timeout = 60) {
  const roclient = { client_id: 'roclient', access_token_lifetime: 600, ...settings }
  const world = await startTessera(withClients(roclient))
  const { clock, logged } = world.server
  const network = createFaultyNetwork(world.fetch)
  const connect = (fetch: Fetch): Client =>
    createClient({
      ...{ issuer: world.issuer, client_id: 'roclient', authentication: clientSecretBasic(secret) },
      ...{ fetch, now: clock.now, timeout },
    })
  const client = connect(network.fetch)
  const signIn = async () => unwrap(await password(client, bob, { scope: 'openid api1 offline_access' }))
  /** Time passes only when a session waits. */
  const timing = { random: () => 0, sleep: async (seconds: number) => clock.advance(seconds) }
  return {
    ...world,
    clock,
    network,
    client,
    /** Creates a client with a network of its own. */
    connect,
    signIn,
    /** Creates a session object, such as another tab has. */
    open: (options: SessionOptions = {}): Session => createSession(client, { ...timing, ...options }),
    /** Creates a session of a user who has just signed in. */
    async start(options: SessionOptions = {}) {
      const session = createSession(client, { ...timing, ...options })
      const first = await session.start(await signIn())
      network.reset()
      return { session, first }
    },
    /** Changes the secret of the client at the server. */
    reconfigureSecret: (value: string) =>
      world.server.reconfigure(withClients({ ...roclient, client_secrets: [{ value }] } as never)),
    /** The reasons of all refusals, the oldest first. */
    refusals: (): readonly unknown[] =>
      logged.filter(({ event }) => event === 'refused').map(({ reason }) => reason),
    /** Whether the server still accepts the newest refresh token. */
    async isAlive(store: SessionStore): Promise<boolean> {
      const stored = await store.load()
      const { status } = await world.server.token(
        { grant_type: 'refresh_token', refresh_token: stored?.refresh_token ?? '' },
        { client: ['roclient', secret] },
      )
      return status === 200
    },
  }
}

/** Creates a store whose reading and writing take a turn of the event loop, as those of files and databases do. */
export function slowStore(): SessionStore & { readonly saved: () => number; failNext: boolean } {
  const store = memoryStore()
  let saved = 0
  const slow = {
    failNext: false,
    saved: () => saved,
    async load() {
      await Promise.resolve()
      return store.load()
    },
    async save(tokens: Parameters<SessionStore['save']>[0]) {
      await Promise.resolve()
      if (slow.failNext) {
        slow.failNext = false
        throw new Error('the disk is full')
      }
      saved += 1
      await store.save(tokens)
    },
    async clear() {
      await Promise.resolve()
      await store.clear()
    },
  }
  return slow
}
