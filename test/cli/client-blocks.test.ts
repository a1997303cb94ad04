/** `tessera clients block`, `unblock` and `blocked` beside blocks of the configuration, and what they record. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeConfiguration } from '../support/process.ts'
import { tessera } from './shared-process.ts'

test('cli: blocks of the configuration are listed with their origin, and no command ends them', async () => {
  const { file, remove } = await writeConfiguration({
    storage: 'sqlite:./tessera.db',
    registration: { mode: 'open', blocked_redirect_hosts: ['filed.example'] },
  })
  const clients = async (...words: string[]) => {
    const { code, stdout, stderr } = await tessera(['clients', ...words, '--config', file])
    return `${code} ${stdout === '' ? stderr : stdout}`
  }
  try {
    const host = ['--redirect-host', 'filed.example']
    const filed = '0 redirect_host="filed.example" origin=file\n'
    assert.match(await clients('blocked'), /^1 .*tessera\.db does not exist/)
    assert.equal((await tessera(['migrate', '--config', file])).code, 0)
    assert.equal(await clients('blocked'), filed)
    assert.match(
      await clients('unblock', ...host),
      /^1 .*filed\.example": the configuration blocks it; remove it from/s,
    )
    assert.equal(await clients('block', ...host), '0 blocked redirect_host="filed.example"\n')
    assert.equal(await clients('blocked'), `${filed}redirect_host="filed.example"\n`)
    assert.equal(await clients('unblock', ...host), '0 unblocked redirect_host="filed.example"\n')
    assert.equal(await clients('blocked'), filed)
    for (const words of [[], [...host, '--sealed']])
      assert.match(await clients('block', ...words), /^2 .*name one of a client_id, --redirect-host/s)

    const exported = await tessera(['audit', 'export', '--config', file])
    const records = exported.stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).record)
      .filter(({ type, data }) => type.startsWith('client.') || /^clients/.test(data.command))
    assert.deepEqual(
      records.map(({ type, data }) => data.command ?? type),
      ['clients unblock', 'clients block', 'client.blocked', 'clients unblock', 'client.unblocked'],
    )
    const { actor, data } = records[2]
    assert.equal(actor.kind, 'command_line')
    assert.ok(actor.os_user)
    const { network: _, ...rest } = data
    assert.deepEqual(rest, { kind: 'redirect_host', id: 'filed.example', actor: 'command_line' })
  } finally {
    await remove()
  }
})
