/** docs/events.md lists every event of the log, with its level and the members that the code names. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventsIn, eventsOfServer } from '../support/log-events.ts'
import { readText } from '../support/repository.ts'

const rows = new Map(
  [
    ...readText('docs/events.md').matchAll(/^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm),
  ].map(([, event = '', levels = '', members = '']) => [
    event,
    { levels: levels.split(', '), members: [...members.matchAll(/`(\w+)`/g)].map(([, name = '']) => name) },
  ]),
)
const emitted = eventsOfServer()

test('log events: the page has a row for each event, and no other', () => {
  assert.ok(emitted.size > 100, `only ${emitted.size} events were found`)
  assert.deepEqual([...rows.keys()].toSorted(), [...emitted.keys()].toSorted())
})

test('log events: each row has the levels and the members of the code', () => {
  for (const [event, { levels, members }] of emitted) {
    const row = rows.get(event)
    assert.deepEqual(row?.levels.toSorted(), [...levels].toSorted(), event)
    for (const member of members) assert.ok(row?.members.includes(member), `${event}: ${member}`)
  }
})

test('log events: planted events are found in any form of a call', () => {
  const planted = `
    log.info('one', { sub })
    options.log?.warn(
      made ? 'two' : 'three',
      { a: f({ b: 1 }), 'c': 2, ...more },
    )
    log[alarm ? 'warn' : 'info']('four')
    log.warn(now === 'differs' ? 'five' : 'six', {})
    repeatedLine(log.error, { event: 'seven', count: 'requests' })`
  const found = [...eventsIn([planted])].map(([event, { levels, members }]) => [
    event,
    [...levels].join(' '),
    [...members].join(' '),
  ])
  assert.deepEqual(found, [
    ['one', 'info', 'sub'],
    ['two', 'warn', 'a'],
    ['three', 'warn', 'a'],
    ['four', 'warn info', ''],
    ['five', 'warn', ''],
    ['six', 'warn', ''],
    ['seven', 'error', 'requests'],
  ])
})
