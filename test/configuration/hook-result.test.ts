/** Errors about what a hook returned. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boolean, json, object, text } from '../../packages/server/src/model/hook-result.ts'

test('hook results: an error names the place and the kind of what is there', () => {
  const read = object({ ok: boolean, name: text })
  const rows: readonly (readonly [value: unknown, error: RegExp])[] = [
    [[], /^result is a list, not /],
    [null, /^result is null, not /],
    [undefined, /^result is undefined, not /],
    [3n, /^result is a bigint, not /],
    ['ok', /^result is a string, not /],
    [{ ok: [true], name: 'a' }, /^result\.ok is a list, not true or false$/],
    [{ ok: {}, name: 'a' }, /^result\.ok is an object, not true or false$/],
    [{ ok: true, name: ['a'] }, /^result\.name is a list, not /],
    [{ ok: true }, /^result\.name is undefined, not /],
  ]
  for (const [value, error] of rows) assert.throws(() => read(value, 'result'), { message: error })
  assert.throws(() => json(() => {}, 'result'), { message: /^result is a function, not / })
  assert.deepEqual(read({ ok: true, name: 'a', other: 1 }, 'result'), { ok: true, name: 'a' })
})
