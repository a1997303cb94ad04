/** Conditions of single statements, which no flow would miss at once. */

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { minute, newHash, now, sampleAuthorization, sampleCode, standing } from './samples.ts'

export function testConditions(stores: () => Stores): void {
  beforeEach(() => standing(stores()))

  test('consents: taking one back leaves the time at which an authorization was revoked before', async () => {
    const { authorizations, codes, consents } = stores()
    const user = newHash()
    const [before, living, elsewhere, of] = [
      sampleAuthorization({ sub: user }),
      sampleAuthorization({ sub: user }),
      sampleAuthorization({ sub: user, client_id: 'other' }),
      sampleAuthorization({ sub: newHash() }),
    ]
    for (const one of [before, living, elsewhere, of]) await codes.issue(one, sampleCode(one))
    await consents.save({ sub: user, client_id: 'web', scope: ['openid'], created_at: now })
    await authorizations.revoke(before.id, now + 1)
    assert.equal(await consents.revoke(user, 'web', now + minute), true)
    const revokedAt = async ({ id }: { readonly id: typeof before.id }) =>
      (await authorizations.find(id))?.revoked_at
    assert.equal(await revokedAt(before), now + 1)
    assert.equal(await revokedAt(living), now + minute)
    assert.equal(await revokedAt(elsewhere), undefined)
    assert.equal(await revokedAt(of), undefined)
  })

  test('authorizations: the first revocation is the one that counts', async () => {
    const { authorizations, codes } = stores()
    const authorization = sampleAuthorization()
    await codes.issue(authorization, sampleCode(authorization))
    await authorizations.revoke(authorization.id, now + 1)
    await authorizations.revoke(authorization.id, now + minute)
    assert.equal((await authorizations.find(authorization.id))?.revoked_at, now + 1)
  })

  test('attempts: taking back more than was counted makes no room beyond the limit', async () => {
    const { attempts } = stores()
    const limit = { hash: newHash(), most: 2, span: minute }
    assert.equal(await attempts.count([limit], now), 0)
    for (let times = 0; times < 3; times++) await attempts.forgive([limit.hash])
    assert.equal(await attempts.count([limit], now), 0)
    assert.equal(await attempts.count([limit], now), 0)
    assert.equal(await attempts.count([limit], now), minute)
  })

  test('attempts: taking one back touches no other key', async () => {
    const { attempts } = stores()
    const one = { hash: newHash(), most: 1, span: minute }
    const other = { ...one, hash: newHash() }
    await attempts.count([one, other], now)
    await attempts.forgive([one.hash])
    assert.equal(await attempts.wait([other], now), minute)
    assert.equal(await attempts.wait([one], now), 0)
  })
}
