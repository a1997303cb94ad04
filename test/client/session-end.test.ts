/** The end of a session while its lock or its store fails. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, createSession, type Lock, memoryStore, type SessionStore } from '@tessera/client'

const client = createClient({ issuer: 'https://id.example', client_id: 'app' })
const response = { access_token: 'a', token_type: 'Bearer', refresh_token: 'r', members: {} }

/** Starts a session, whose lock fails afterwards. */
async function start(store: SessionStore) {
  const failure: { error?: Error } = {}
  const lock: Lock = async (_, work) => {
    if (failure.error) throw failure.error
    return work()
  }
  const session = createSession(client, { store, lock })
  await session.start(response)
  failure.error = new Error('no space left on device')
  return session
}

test('session: a sign-out returns the tokens for their revocation, also if the lock fails', async () => {
  const store = memoryStore()
  const session = await start(store)
  const ended = await session.end()
  assert.equal(ended?.refresh_token, 'r')
  assert.equal(await store.load(), undefined)
})

test('session: a sign-out without the lock removes tokens that another process has saved, but no other sign-in', async () => {
  for (const isSameSession of [true, false]) {
    const store = memoryStore()
    let late: Awaited<ReturnType<SessionStore['load']>>
    const session = await start({
      ...store,
      async clear() {
        await store.clear()
        if (late) await store.save(late)
        late = undefined
      },
    })
    const stored = (await store.load()) ?? assert.fail()
    late = { ...stored, ...(!isSameSession && { id: 'another' }), refresh_token: 'newer' }
    await session.end()
    assert.equal((await store.load())?.refresh_token, isSameSession ? undefined : 'newer')
  }
})

test('session: a sign-out whose store fails fails, too', async () => {
  const store = memoryStore()
  const session = await start({ ...store, clear: () => Promise.reject(new Error('read-only')) })
  await assert.rejects(session.end(), /read-only/)
  assert.ok(await store.load())
})
