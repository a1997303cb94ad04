/** Guarantees about users who move: between the file, the store, and the operator's own store or a provider. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Commit, Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { erasureOf } from './access.ts'
import { foundedFamily, newHash, now, sampleAuthorization, sampleCommit, sampleUser } from './samples.ts'

const day = 86_400

export function testMovedUsers(stores: () => Stores): void {
  /** Applies a file with alice, and with this user as active or inactive, or without them. */
  const file = (sub: string, entry: 'active' | 'inactive' | 'missing') =>
    stores().principals.sync({
      clients: [{ id: 'web', enabled: true }],
      users: [
        { id: 'alice', enabled: true },
        ...(entry === 'missing' ? [] : [{ id: sub, enabled: entry === 'active' }]),
      ],
    })
  /** Returns the outcomes of a commit with a new authorization, which locks rows, and of one without. */
  async function outcomes(sub: string, fields: Partial<Commit> = {}): Promise<readonly string[]> {
    const { family } = await foundedFamily(stores())
    const use = { kind: 'refresh_reuse', family: family.id, generation: 1, idleExpiresAt: now + day } as const
    const issue = { authorization: sampleAuthorization({ sub }) }
    return Promise.all([
      stores().commit(sampleCommit({ sub, issue, ...fields })),
      stores().commit(sampleCommit({ sub, use, ...fields })),
    ])
  }
  const accepted = ['committed', 'committed']
  const refused = ['revoked', 'revoked']

  test('moved users: a stored user decides when the file no longer contains their sub', async () => {
    const { storedUsers } = stores()
    const user = sampleUser()
    const { sub } = user
    await file(sub, 'active')
    await file(sub, 'missing')
    assert.deepEqual(await outcomes(sub), refused)
    await storedUsers.add(user)
    assert.deepEqual(await outcomes(sub), accepted)
    // A node that still runs the file with the user must not enable that user again.
    assert.ok((await stores().principals.disabled()).users.has(sub))
    await storedUsers.replace({ ...user, version: 2, disabled_at: now })
    assert.deepEqual(await outcomes(sub), refused)
    await storedUsers.replace({ ...user, version: 3 })
    assert.deepEqual(await outcomes(sub), accepted)
    await stores().persons.erase(sub, erasureOf(sub))
    assert.deepEqual(await outcomes(sub), refused)
  })

  test('moved users: an inactive user of the file takes precedence over a stored one', async () => {
    const user = sampleUser()
    const { sub } = user
    await stores().storedUsers.add(user)
    for (const [entry, expected] of [
      ['inactive', refused],
      ['active', accepted],
      ['inactive', refused],
      ['missing', accepted],
      ['inactive', refused],
    ] as const) {
      assert.equal(await file(sub, entry), true)
      assert.equal(await file(sub, entry), false)
      assert.deepEqual(await outcomes(sub), expected, entry)
    }
    assert.deepEqual(await outcomes(sub, { external: true }), refused)
  })

  test('moved users: a user of the file is accepted whatever was stored about the sub', async () => {
    const user = sampleUser({ disabled_at: now })
    const { sub } = user
    await stores().storedUsers.add(user)
    await file(sub, 'missing')
    assert.deepEqual(await outcomes(sub), refused)
    await file(sub, 'active')
    assert.deepEqual(await outcomes(sub), accepted)
    await file(sub, 'missing')
    assert.deepEqual(await outcomes(sub), refused)
  })

  test('moved users: one who was found elsewhere is accepted, unless the file or the store still has the sub', async () => {
    const external = { external: true }
    const sub = newHash()
    await file(sub, 'missing')
    assert.deepEqual(await outcomes(sub, external), accepted)
    await file(sub, 'active')
    await file(sub, 'missing')
    assert.deepEqual(await outcomes(sub), refused)
    assert.deepEqual(await outcomes(sub, external), accepted)
    await file(sub, 'inactive')
    assert.deepEqual(await outcomes(sub, external), refused)
    await file(sub, 'active')
    assert.deepEqual(await outcomes(sub), accepted)

    const user = sampleUser()
    await stores().storedUsers.add(user)
    await stores().storedUsers.replace({ ...user, version: 2, disabled_at: now })
    assert.deepEqual(await outcomes(user.sub, external), refused)
    await stores().persons.erase(user.sub, erasureOf(user.sub))
    assert.deepEqual(await outcomes(user.sub), refused)
    assert.deepEqual(await outcomes(user.sub, external), accepted)
  })
}
