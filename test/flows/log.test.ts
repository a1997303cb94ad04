/** The operator's log, as a process writes it to stderr. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import type { LogLevel } from '../../packages/server/src/operations/log.ts'

const log = new URL('../../packages/server/src/operations/log.ts', import.meta.url)

/** What a process that runs this code has written when it ended. */
function written(level: LogLevel, code: string): Record<string, any>[] {
  const script = `import { createLog } from '${log}'; const log = createLog({ level: '${level}' }); ${code}`
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script])
  assert.equal(status, 0, stderr.toString())
  return stderr
    .toString()
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
}

test('log: a line is JSON with its time, level, event and fields', () => {
  const [line] = written('info', `log.info('refused', { client_id: 'web', reason: 'code_expired' })`)
  const { time, ...rest } = line!
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.deepEqual(rest, { level: 'info', event: 'refused', client_id: 'web', reason: 'code_expired' })
})

test('log: lines below the level are not written, and what waits is when the process exits', () => {
  const all = `for (const level of ['debug', 'info', 'warn', 'error']) log[level](level); process.exit(0)`
  const events = (level: LogLevel) =>
    written(level, all)
      .map(({ event }) => event)
      .sort()
  assert.deepEqual(events('warn'), ['error', 'warn'])
  assert.deepEqual(events('debug'), ['debug', 'error', 'info', 'warn'])
  assert.deepEqual(events('silent'), [])
})

test('log: a secret that slips in is censored, one object deep too', () => {
  const names = ['password', 'client_secret', 'code', 'refresh_token', 'token', 'assertion', 'authorization']
  const slip = JSON.stringify(Object.fromEntries(names.map(name => [name, 'hunter2'])))
  const [line] = written('info', `log.info('slip', { ...${slip}, form: { ...${slip}, ok: 1 } })`)
  assert.equal(line?.form.ok, 1)
  for (const name of names) {
    assert.ok(name in line! && name in line.form)
    assert.ok(line[name] !== 'hunter2' && line.form[name] !== 'hunter2', name)
  }
})
