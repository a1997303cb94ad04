/** Guarantees of the port of pushed authorization requests. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import {
  day,
  minute,
  newHash,
  now,
  sampleAuthorization,
  sampleCode,
  sampleReferenceToken,
  tally,
} from './samples.ts'

export function testPushedRequests(stores: () => Stores): void {
  test('pushed requests: one can be read by its client, before it expires, any number of times', async () => {
    const { pushedRequests } = stores()
    const request = { hash: newHash(), client_id: 'web', parameters: 'a=1&b=%20', expires_at: now + minute }
    await pushedRequests.add(request)
    assert.equal(await pushedRequests.find(request.hash, 'other', now), undefined)
    assert.equal(await pushedRequests.find(request.hash, 'web', now + minute), undefined)
    for (let count = 0; count < 3; count++)
      assert.deepEqual(await pushedRequests.find(request.hash, 'web', now), {
        parameters: request.parameters,
        used: false,
      })
    assert.equal(await pushedRequests.find(newHash(), 'web', now), undefined)
  })

  test('pushed requests: of a hundred concurrent ones with one proof, one is stored; a failed write uses up no proof', async () => {
    const { pushedRequests, usedAssertions } = stores()
    const use = { hash: newHash(), expires_at: now + day }
    const request = () => ({ hash: newHash(), client_id: 'web', parameters: 'a=1', expires_at: now + minute })
    const all = Array.from({ length: 100 }, request)
    const outcomes = await Promise.all(all.map(one => pushedRequests.add(one, use)))
    assert.deepEqual(tally(outcomes.map(String)), { true: 1, false: 99 })
    for (const [index, { hash }] of all.entries())
      assert.equal((await pushedRequests.find(hash, 'web', now)) !== undefined, outcomes[index])
    const unused = { hash: newHash(), expires_at: now + day }
    await assert.rejects(async () => pushedRequests.add(all[outcomes.indexOf(true)]!, unused))
    assert.equal(await usedAssertions.has(unused.hash), false)
    assert.equal(await pushedRequests.add(request(), unused), true)
  })

  for (const beside of [{}, { referenceToken: sampleReferenceToken }]) {
    const what = 'referenceToken' in beside ? 'codes with a token issued with them' : 'codes'
    test(`pushed requests: of a hundred concurrent ${what} that consume one, one is stored, and the others leave nothing`, async () => {
      const { pushedRequests, codes, authorizations, referenceTokens } = stores()
      const use = { hash: newHash(), expires_at: now + day }
      await pushedRequests.add({
        hash: use.hash,
        client_id: 'web',
        parameters: 'a=1',
        expires_at: now + minute,
      })
      const all = Array.from({ length: 100 }, () => {
        const authorization = sampleAuthorization()
        const token = beside.referenceToken?.({ authorization_id: authorization.id })
        return { authorization, code: sampleCode(authorization), token }
      })
      const outcomes = await Promise.all(
        all.map(({ authorization, code, token }) =>
          codes.issue(authorization, code, { referenceToken: token, use }),
        ),
      )
      assert.deepEqual(tally(outcomes.map(String)), { true: 1, false: 99 })
      for (const [index, { authorization, code, token }] of all.entries()) {
        const isStored = outcomes[index]
        assert.equal((await codes.find(code.hash)) !== undefined, isStored)
        assert.equal((await authorizations.find(authorization.id)) !== undefined, isStored)
        if (token) assert.equal((await referenceTokens.find(token.hash)) !== undefined, isStored)
      }
      assert.equal((await pushedRequests.find(use.hash, 'web', now))?.used, true)
    })
  }

  test('pushed requests: a consumed one remains consumed when its row is deleted', async () => {
    const { codes, cleanUp, pushedRequests } = stores()
    const use = { hash: newHash(), expires_at: now + day }
    await pushedRequests.add({
      hash: use.hash,
      client_id: 'web',
      parameters: 'a=1',
      expires_at: now + minute,
    })
    const [first, second] = [sampleAuthorization(), sampleAuthorization()]
    assert.equal(await codes.issue(first, sampleCode(first), { use }), true)
    await cleanUp(now + 2 * minute)
    assert.equal(await pushedRequests.find(use.hash, 'web', now), undefined)
    assert.equal(await codes.issue(second, sampleCode(second), { use }), false)
  })
}
