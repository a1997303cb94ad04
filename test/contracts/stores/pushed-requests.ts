/** What the port of pushed authorization requests promises. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stores } from '../../../packages/server/src/core/stores.ts'
import { minute, newHash, now, tally } from './samples.ts'

export function testPushedRequests(stores: () => Stores): void {
  test('pushed requests: one is taken once, by its client, before it ends', async () => {
    const { pushedRequests } = stores()
    const request = { hash: newHash(), client_id: 'web', parameters: 'a=1&b=%20', expires_at: now + minute }
    await pushedRequests.add(request)
    assert.equal(await pushedRequests.take(request.hash, 'other', now), undefined)
    assert.equal(await pushedRequests.take(request.hash, 'web', now + minute), undefined)
    const taken = await Promise.all(
      Array.from({ length: 20 }, () => pushedRequests.take(request.hash, 'web', now)),
    )
    assert.deepEqual(tally(taken), { [request.parameters]: 1, undefined: 19 })
    assert.equal(await pushedRequests.take(newHash(), 'web', now), undefined)
  })
}
