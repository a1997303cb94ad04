/** The indexes of the memory store, and the values that it refuses. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyTables } from '../../packages/server/src/storage/memory/tables.ts'
import { newHash, now, sampleSession } from './stores/samples.ts'

test('memory tables: rows are found by the current value of an indexed column', () => {
  const { sessions, sessionClients } = emptyTables()
  const row = (sid: string, client_id: string, expires_at = now) => ({ sid, client_id, expires_at })
  const clientsOf = (sid: string) => sessionClients.allBy('sid', sid).map(({ client_id }) => client_id)
  for (const one of [row('1', 'web'), row('2', 'web'), row('1', 'spa'), row('1', 'web', now + 1)])
    sessionClients.put(one)
  assert.deepEqual([clientsOf('1'), clientsOf('2'), clientsOf('3')], [['web', 'spa'], ['web'], []])
  assert.equal(sessionClients.allBy('sid', '1')[0]?.expires_at, now + 1)
  sessionClients.delete('1', 'web')
  assert.deepEqual(clientsOf('1'), ['spa'])
  assert.equal(
    sessionClients.deleteWhere(({ sid }) => sid === '1'),
    1,
  )
  assert.deepEqual([clientsOf('1'), clientsOf('2')], [[], ['web']])
  sessionClients.clear()
  assert.deepEqual(clientsOf('2'), [])

  const session = sampleSession({ sid: newHash() })
  const moved = { ...session, sid: newHash() }
  sessions.put(session)
  sessions.put(moved)
  assert.equal(sessions.by('sid', session.sid), undefined)
  assert.equal(sessions.by('sid', moved.sid), moved)
  assert.throws(() => sessions.by('sub', session.sub), /no index/)
})

test('memory tables: a value that a database refuses or changes is refused', () => {
  const { usedAssertions, sessions } = emptyTables()
  const hash = newHash()
  for (const expires_at of [1e308, -1e308, 0.5, Number.NaN, 2 ** 63, '5' as never])
    assert.throws(
      () => usedAssertions.put({ hash, expires_at }),
      /replays\.expires_at is not a value of type integer/,
    )
  for (const sub of ['\ud800', '\udfff\ud800', 5 as never, {} as never])
    assert.throws(() => sessions.put(sampleSession({ sub })), /sessions\.sub is not a value of type text/)
  assert.equal(usedAssertions.size + sessions.size, 0)
})
