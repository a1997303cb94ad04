/** Which requests stay in the URLs of their pages, and which are stored. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { type Continuation, createContinuations } from '../../packages/server/src/pages/flow/continuation.ts'
import { createShorten } from '../../packages/server/src/pages/flow/shorten.ts'

/** Returns text that can hardly be compressed. */
const noise = (length: number): string => {
  let state = length
  const next = () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return (state >> 16) & 63
  }
  return Buffer.from(Array.from({ length }, next)).toString('base64url').slice(0, length)
}

const continuations = createContinuations({
  derived: createDerivedKeys(Buffer.alloc(32, 7)),
  clock: { now: () => 1000 },
  longRequests: { find: async () => undefined },
})

const shorten = createShorten({
  continuations,
  longRequests: {
    lifetime: 3600,
    keep: async client_id => ({ client_id, handle: 'kept' }) as never,
    find: async () => undefined,
  },
  countPending: async () => ({ ok: true, value: async () => {} }),
})

for (const mixed of [undefined, true] as const)
  test(`shorten: a request is stored if its sealed text has more than 1500 characters, and only then (mixed: ${mixed})`, async () => {
    const outcomes = { kept: 0, stored: 0 }
    for (let length = 0; length < 2000; length += 7) {
      const continuation: Continuation & { kind: 'authorization' } = {
        kind: 'authorization',
        asked_at: 900,
        // Each character has three bytes in JSON.
        login_hint: '界'.repeat(length % 90),
        parameters: `client_id=web&state=${noise(length)}`,
        ...(mixed && { mixed }),
      }
      const { stored } = await shorten({} as never, { client_id: 'web' } as never, continuation)
      assert.equal(stored !== undefined, continuations.seal(continuation).length > 1500, String(length))
      outcomes[stored ? 'stored' : 'kept']++
    }
    assert.ok(outcomes.kept > 50 && outcomes.stored > 50, JSON.stringify(outcomes))
  })
