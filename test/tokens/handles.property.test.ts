/** Handles and their stored form. */

import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import type { FamilyId } from '../../packages/server/src/model/authorization.ts'
import {
  handleShape,
  hashHandle,
  newClientCredential,
  newHandle,
  newTimedId,
} from '../../packages/server/src/model/handle.ts'
import { createRandom } from '../../packages/server/src/runtime/random.ts'
import { createRefreshTokens } from '../../packages/server/src/tokens/refresh-token.ts'

const random = createRandom()
const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

test('handles: each is unique, and valid only as its own kind', () => {
  const handles = Array.from({ length: 2000 }, () => newHandle(random, 'tc'))
  assert.equal(new Set(handles).size, handles.length)
  for (const handle of handles) assert.match(handle, handleShape('tc'))
  assert.doesNotMatch(newHandle(random, 'tcp'), handleShape('tc'))
  assert.doesNotMatch(`${newHandle(random, 'tc')}x`, handleShape('tc'))
})

test('handles: stored hashes sort by creation time and reveal nothing else', t => {
  t.mock.timers.enable({ apis: ['Date'] })
  const stored = [0, 1, 35, 36, 1e12, 1.7e12, 2 ** 43].map(at => {
    t.mock.timers.setTime(at)
    const handle = newHandle(random, 'ta')
    assert.equal(hashHandle(handle).slice(9), sha256(handle))
    return hashHandle(handle)
  })
  assert.deepEqual(stored.toSorted(), stored)
})

test('handles: for any other text only the hash is stored, and no two texts have the same', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      assert.equal(hashHandle(text), sha256(text))
    }),
  )
  const secret = newClientCredential(random, 'tcs')
  assert.equal(hashHandle(secret), sha256(secret))
  const handle = newHandle(random, 'ta')
  const later = handle.replace(/^ta_.{9}/, `ta_${'z'.repeat(9)}`)
  assert.notEqual(hashHandle(later).slice(9), hashHandle(handle).slice(9))
})

test('ids: row ids sort by creation time, and each is unique', t => {
  t.mock.timers.enable({ apis: ['Date'] })
  const ids = [0, 1, 63, 64, 1e12, 1.7e12, 2 ** 42 - 1, 2 ** 42, 2 ** 47].map(at => {
    t.mock.timers.setTime(at)
    const [one, other] = [newTimedId(random), newTimedId(random)]
    assert.match(one, /^\w[\w-]{21}$/)
    assert.equal(one.slice(0, 8), other.slice(0, 8))
    assert.notEqual(one, other)
    return one
  })
  assert.deepEqual(ids.toSorted(), ids)
})

test('ids: a refresh token returns the id that it was created for', () => {
  const tokens = createRefreshTokens({ derived: createDerivedKeys(Buffer.alloc(32, 1)) })
  for (let made = 0; made < 1000; made++) {
    const handle = { family: newTimedId<FamilyId>(random), generation: 1, expires_at: 2_000_000_000 }
    assert.deepEqual(tokens.parse(tokens.format(handle)), handle)
  }
})

test('refresh tokens: tokens of earlier versions are read, because the layout is kept', () => {
  const derived = createDerivedKeys(Buffer.alloc(32, 7))
  const key = derived.derive('refresh-token')
  const tokens = createRefreshTokens({ derived })
  const head = Buffer.alloc(25)
  head.writeUInt8(1, 0)
  head.fill(3, 1, 17)
  head.writeUInt32BE(2, 17)
  head.writeUInt32BE(1_900_000_000, 21)
  const mac = createHmac('sha256', key).update('tr_').update(head).digest()
  const token = `tr_${Buffer.concat([head, mac]).toString('base64url')}`
  const family = Buffer.alloc(16, 3).toString('base64url') as FamilyId
  const handle = { family, generation: 2, expires_at: 1_900_000_000 }
  assert.deepEqual(tokens.parse(token), handle)
  assert.equal(tokens.format(handle), token)
  head.writeUInt8(2, 0)
  const unknown = createHmac('sha256', key).update('tr_').update(head).digest()
  assert.equal(tokens.parse(`tr_${Buffer.concat([head, unknown]).toString('base64url')}`), undefined)
})
