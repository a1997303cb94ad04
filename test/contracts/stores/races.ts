/** Of many concurrent uses, one succeeds. */

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import type { Stores, Use } from '../../../packages/server/src/model/ports/stores.ts'
import {
  approvedDevice,
  day,
  enablePrincipals,
  foundedFamily,
  issuedCode,
  now,
  sampleCommit,
  sampleFamily,
  tally,
} from './samples.ts'

/**
 * @param redemptions Of a code: more than connections, queues and timeouts are made for. @param contenders For the others:
 * enough for several batches, because every use is consumed by the same commit.
 */
export function testRaces(stores: () => Stores, redemptions: number, contenders: number): void {
  beforeEach(() => enablePrincipals(stores()))
  const race = async (use: Use) =>
    tally(await Promise.all(Array.from({ length: contenders }, () => stores().commit(sampleCommit({ use })))))
  const oneWins = { committed: 1, already_used: contenders - 1 }

  test(`commit: of ${redemptions} concurrent redemptions of a code one succeeds, and issues`, async () => {
    const { authorization, code } = await issuedCode(stores())
    const families = Array.from({ length: redemptions }, () => sampleFamily(authorization))
    const outcomes = await Promise.all(
      families.map(family =>
        stores().commit(
          sampleCommit({
            authorization: { id: authorization.id, until: now + 2 * day },
            use: { kind: 'authorization_code', hash: code.hash },
            issue: { family },
          }),
        ),
      ),
    )
    assert.deepEqual(tally(outcomes), { committed: 1, already_used: redemptions - 1 })
    const found = await Promise.all(families.map(({ id }) => stores().families.find(id)))
    assert.deepEqual(
      found.map(family => family !== undefined),
      outcomes.map(outcome => outcome === 'committed'),
    )
  })

  test(`commit: of ${contenders} concurrent redemptions of a device code one succeeds`, async () => {
    const { device } = await approvedDevice(stores())
    assert.deepEqual(await race({ kind: 'device_code', hash: device.hash }), oneWins)
  })

  test(`commit: of ${contenders} concurrent rotations of a generation one succeeds`, async () => {
    const { family } = await foundedFamily(stores())
    const use = { family: family.id, generation: 1, idleExpiresAt: now + day } as const
    assert.deepEqual(await race({ kind: 'refresh_rotation', ...use }), oneWins)
    assert.equal((await stores().families.find(family.id))?.family.generation, 2)
  })
}
