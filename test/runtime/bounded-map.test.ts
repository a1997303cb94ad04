/** Maps with a limit. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setBounded } from '../../packages/server/src/runtime/bounded-map.ts'

test('runtime: a bounded map drops what was set least recently, and only above its capacity', () => {
  const map = new Map<string, number>()
  for (const key of ['a', 'b', 'c']) setBounded(map, key, 1, 3)
  assert.deepEqual([...map.keys()], ['a', 'b', 'c'])
  setBounded(map, 'a', 2, 3)
  assert.deepEqual([...map], Object.entries({ b: 1, c: 1, a: 2 }))
  setBounded(map, 'd', 1, 3)
  assert.deepEqual([...map.keys()], ['c', 'a', 'd'])
})
