/** docs/guides/audit.md: its table of types, and the example of a record. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditWorld } from '../support/audit.ts'
import { readText } from '../support/repository.ts'

const guide = readText('docs/guides/audit.md')

test('audit guide: it lists each type of record that is no event', () => {
  const declared = [...readText('packages/server/src/model/audit.ts').matchAll(/^ {2}readonly '([\w.]+)':/gm)]
  const listed = [...guide.matchAll(/^\| (`[\w.]+`(?:, `[\w.]+`)*) \| /gm)].flatMap(([, types = '']) =>
    types.replaceAll('`', '').split(', '),
  )
  assert.deepEqual(listed.toSorted(), declared.map(([, type]) => type).toSorted())
})

test('audit guide: the members of its example are those of a record', async () => {
  const [, example = ''] = /```json\n(\{\n {2}"record"[\s\S]*?)```/.exec(guide) ?? []
  const shown = JSON.parse(example)
  const world = auditWorld()
  const changes = { email: { from: 'dora@old.example', to: 'dora@new.example' } }
  const messages = world.audit.messagesOf('user.updated', { sub: '1', changed: ['email'] }, { changes })
  await world.stores.webhookMessages.add(messages)
  await world.audit.run()
  const [row] = await world.rows()
  const record = JSON.parse(row?.record ?? '')
  const others = ['request_id']
  assert.deepEqual(
    Object.keys(shown.record).filter(name => !others.includes(name)),
    Object.keys(record),
  )
  assert.deepEqual(
    Object.keys(shown.personal).filter(name => name !== 'network'),
    Object.keys(JSON.parse(row?.personal ?? '')),
  )
})
