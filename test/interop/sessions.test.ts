/**
 * Sessions of `@tessera/client` at servers of different authors: what the network loses, several session objects, and
 * processes that are killed. Tessera returns the same next token if a refresh is repeated; other servers end the session.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  authorizationCode,
  type Client,
  createAuthorizationRequest,
  createClient,
  createLock,
  createSession,
  memoryStore,
  type Session,
  type SessionOptions,
  type UserTokens,
  unwrap,
  validateAuthorizationResponse,
} from '@tessera/client'
import { createFaultyNetwork, type FaultyNetwork } from '../client/faulty-network.ts'
import { inTime, until } from '../support/until.ts'
import { startBetterAuth } from './servers/better-auth.ts'
import { startOidcProvider } from './servers/oidc-provider.ts'
import { type InteropServer, secret } from './servers/server.ts'
import { startTessera } from './servers/tessera.ts'
import { lockIn, type Moment, type SessionTask, storeIn } from './session-process.ts'

const servers = { Tessera: startTessera, 'oidc-provider': startOidcProvider, 'better-auth': startBetterAuth }

for (const [name, start] of Object.entries(servers))
  describe(`sessions at ${name}`, () => {
    let server: InteropServer
    let network: FaultyNetwork
    let client: Client
    before(
      async () => {
        server = await start()
        const metadata = unwrap(
          await createClient({ issuer: server.issuer, client_id: 'web' }).issuer.metadata(),
        )
        network = createFaultyNetwork((url, init) => fetch(url, init), metadata.token_endpoint)
        client = createClient({ issuer: server.issuer, ...server.web, fetch: network.fetch })
      },
      { timeout: 60_000 },
    )
    after(() => server?.close())

    async function signIn(): Promise<UserTokens> {
      const { redirect_uri } = server
      const request = { redirect_uri, scope: 'openid offline_access', prompt: 'consent' }
      const { url, pending } = unwrap(await createAuthorizationRequest(client, request))
      const response = unwrap(
        await validateAuthorizationResponse(client, await server.authorize(url), pending),
      )
      const { code_verifier = '', nonce } = pending
      return unwrap(
        await authorizationCode(client, { code: response.code ?? '', code_verifier, redirect_uri, nonce }),
      )
    }

    const fast: SessionOptions = { attemptTimeout: 2, sleep: async () => undefined }

    async function startSession(options: SessionOptions = {}) {
      const session = createSession(client, { ...fast, ...options })
      const first = await session.start(await signIn())
      network.reset()
      return { session, first }
    }

    /** Asserts that the server still accepts the refresh token. */
    const isAlive = async (session: Session): Promise<void> => void unwrap(await session.refresh())

    test(`${name}: session objects with one store and lock refresh once, and the session lives on`, async () => {
      const shared = { store: memoryStore(), lock: createLock() }
      const { session, first } = await startSession(shared)
      const tabs = [session, createSession(client, shared), createSession(client, shared)]
      let refused = first.access_token
      for (let round = 1; round <= 3; round++) {
        const tokens = (await Promise.all(tabs.map(tab => tab.renew(refused)))).map(unwrap)
        assert.equal(new Set(tokens.map(({ access_token }) => access_token)).size, 1)
        assert.notEqual(tokens[0]?.access_token, refused)
        assert.equal(network.requests(), round)
        refused = tokens[0]?.access_token ?? ''
      }
      await isAlive(session)
    })

    test(`${name}: requests that are lost are repeated`, async () => {
      const { session } = await startSession()
      network.next.push('before', 'before')
      unwrap(await session.refresh())
      assert.equal(network.requests(), 3)
      await isAlive(session)
    })

    test(`${name}: a lost response ${name === 'Tessera' ? 'ends no session' : 'ends the session with an error that says so, and only then'}`, async () => {
      for (const fault of ['after', 'within', 'proxy', 'portal'] as const) {
        const { session } = await startSession()
        network.next.push(fault)
        const result = await session.refresh()
        assert.equal(network.requests(), 2)
        if (name === 'Tessera') {
          unwrap(result)
          await isAlive(session)
        } else {
          assert.ok(!result.ok)
          assert.equal(result.error.code, 'session_ended')
          assert.match(result.error.message, /an earlier response was lost/)
          assert.equal(await session.tokens(), undefined)
        }
      }
    })

    test(`${name}: without a retry window the refresh token is sent once for each call`, async () => {
      const { session, first } = await startSession({ retryWindow: 0 })
      network.next.push('before')
      const result = await session.refresh()
      assert.ok(!result.ok)
      assert.equal(result.error.code, 'network_error')
      assert.equal(network.requests(), 1)
      assert.deepEqual(await session.tokens(), first)
      await isAlive(session)
    })

    /** Creates a folder that processes share, with the tokens of a user who has just signed in. */
    async function createFolder() {
      const folder = await mkdtemp(join(tmpdir(), 'tessera-session-'))
      const session = createSession(client, { store: storeIn(folder), lock: lockIn(folder) })
      const first = await session.start(await signIn())
      return {
        folder,
        session,
        refused: first.access_token,
        remove: () => rm(folder, { recursive: true, force: true }),
      }
    }

    function startProcess(task: Pick<SessionTask, 'folder' | 'refused' | 'stopAt'>) {
      const { issuer, web } = server
      const given: SessionTask = { issuer, client_id: web.client_id, secret, ...task }
      const program = fileURLToPath(new URL('session-process.ts', import.meta.url))
      const child = spawn(process.execPath, [program, JSON.stringify(given)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let printed = ''
      child.stdout.setEncoding('utf8').on('data', text => {
        printed += text
      })
      const exit = once(child, 'exit')
      return {
        lines: (): readonly any[] =>
          printed
            .split('\n')
            .slice(0, -1)
            .map(line => JSON.parse(line)),
        ended: () => inTime('the process ends', exit),
        async kill() {
          child.kill('SIGKILL')
          await exit
        },
      }
    }

    test(`${name}: two processes refresh once`, async () => {
      const { folder, refused, remove } = await createFolder()
      const processes = [1, 2].map(() => startProcess({ folder, refused }))
      for (const { ended } of processes) assert.deepEqual(await ended(), [0, null])
      const [[one], [two]] = processes.map(({ lines }) => lines()) as [any[], any[]]
      assert.match(one.access_token, /./)
      assert.deepEqual(one, two)
      await remove()
    })

    /** The moments at which a process can be killed, and whether the session survives at every server. */
    const moments: Readonly<Record<Moment, boolean>> = {
      locked: true,
      sent: false,
      received: false,
      saved: true,
    }

    for (const [moment, isHarmless] of Object.entries(moments))
      test(`${name}: a process is killed during a refresh (${moment}), and another one continues`, async () => {
        const { folder, session, refused, remove } = await createFolder()
        const victim = startProcess({ folder, refused, stopAt: moment as Moment })
        await until('the process has come to the moment', () => victim.lines().includes('stopped'))
        const waiting = session.renew(refused)
        await victim.kill()
        const result = await inTime('the other process gets the lock', waiting)
        if (isHarmless || name === 'Tessera') {
          assert.notEqual(unwrap(result).access_token, refused)
          await isAlive(session)
        } else {
          // The server has seen the refresh token twice, unless the killed process had not sent it yet.
          assert.ok(!result.ok || moment === 'sent')
          if (!result.ok) assert.equal(result.error.code, 'session_ended')
        }
        await remove()
      })

    if (name === 'Tessera')
      test('Tessera: processes that refresh all the time and are killed at any moment lose no session', async () => {
        const { folder, session, remove } = await createFolder()
        const open = () => startProcess({ folder })
        const running = [open(), open()]
        for (let kills = 0; kills < 8; kills++) {
          const process = running.shift() as (typeof running)[number]
          await until('the process has refreshed', () => process.lines().length > 0)
          await sleep(Math.random() * 50)
          await process.kill()
          for (const line of process.lines()) assert.match(line.access_token, /./)
          running.push(open())
        }
        for (const process of running) await process.kill()
        await isAlive(session)
        await remove()
      })
  })
