/** Calls in one event-loop tick, which a store may batch: each result is the same as without batching. */

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import type { Commit, Stores } from '../../../packages/server/src/model/ports/stores.ts'
import {
  approvedDevice,
  day,
  foundedFamily,
  issuedCode,
  minute,
  newHash,
  now,
  sampleAuthorization,
  sampleCommit,
  sampleFamily,
  sampleReferenceToken,
  tally,
  unknownAuthorization,
  unknownFamily,
} from './samples.ts'

/** More than one batch. */
const many = 150
const times = <Value>(count: number, make: (index: number) => Value) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)))

export function testTick(stores: () => Stores): void {
  beforeEach(() =>
    stores().principals.sync({
      clients: [
        { id: 'web', enabled: true },
        { id: 'disabled', enabled: false },
      ],
      users: [
        { id: 'alice', enabled: true },
        { id: 'mallory', enabled: false },
      ],
    }),
  )
  const commit = (fields: Partial<Commit>) => stores().commit(sampleCommit(fields))

  /** The redemption of a code, which creates a family and issues a token. */
  async function redemption(): Promise<Commit> {
    const { authorization, code } = await issuedCode(stores())
    return sampleCommit({
      authorization: { id: authorization.id, until: now + 2 * day },
      use: { kind: 'authorization_code', hash: code.hash },
      issue: {
        family: sampleFamily(authorization),
        referenceToken: sampleReferenceToken({ authorization_id: authorization.id }),
      },
    })
  }
  /** The part of it that is stored. */
  async function left({ authorization, use, issue }: Commit): Promise<readonly boolean[]> {
    assert.ok(use?.kind === 'authorization_code' && issue?.family && issue.referenceToken && authorization)
    const [code, family, token, extended] = await Promise.all([
      stores().codes.find(use.hash),
      stores().families.find(issue.family.id),
      stores().referenceTokens.find(issue.referenceToken.hash),
      stores().authorizations.find(authorization.id),
    ])
    return [
      code?.code.used_at !== undefined,
      family !== undefined,
      token !== undefined,
      extended?.expires_at === authorization.until,
    ]
  }

  test('tick: each of many concurrent redemptions is complete or absent', async () => {
    const asked = await times(many, redemption)
    const spoilt = await times(many, async (index): Promise<Commit> => {
      const one = asked[index]!
      switch (index % 5) {
        case 0:
          return { ...one, client_id: 'disabled' }
        case 1:
          return { ...one, sub: 'mallory' }
        case 2:
          await stores().authorizations.revoke(one.authorization!.id, now)
          return one
        case 3:
          return { ...one, at: now + 5 * minute }
        default:
          return one
      }
    })
    const outcomes = await Promise.all(spoilt.map(one => stores().commit(one)))
    assert.deepEqual(
      outcomes,
      outcomes.map((_, index) => (index % 5 === 4 ? 'committed' : 'revoked')),
    )
    for (const [index, one] of spoilt.entries()) {
      const whole: boolean = outcomes[index] === 'committed'
      assert.deepEqual(await left(one), [whole, whole, whole, whole])
    }
  })

  test('tick: one of several redemptions of a code is committed, for each of many codes', async () => {
    const asked = await times(40, redemption)
    const doubles = asked.flatMap(one => {
      const { family } = one.issue!
      return Array.from({ length: 3 }, () => ({
        ...one,
        issue: { family: { ...family!, id: unknownFamily() } },
      }))
    })
    const outcomes = await Promise.all(doubles.map(one => stores().commit(one)))
    for (let index = 0; index < doubles.length; index += 3)
      assert.deepEqual(tally(outcomes.slice(index, index + 3)), { committed: 1, already_used: 2 })
    for (const [index, { issue }] of doubles.entries()) {
      const found = await stores().families.find(issue.family.id)
      assert.equal(found !== undefined, outcomes[index] === 'committed')
    }
  })

  test('tick: an invalid duplicate does not affect the valid one', async () => {
    const asked = await times(20, redemption)
    const outcomes = await Promise.all(
      asked.flatMap(one => [stores().commit({ ...one, client_id: 'disabled' }), stores().commit(one)]),
    )
    assert.deepEqual(
      outcomes,
      asked.flatMap(() => ['revoked', 'committed']),
    )
  })

  test('tick: concurrent commits of every kind do not mix', async () => {
    const rounds = await times(20, async () => {
      const { family } = await foundedFamily(stores())
      const { family: stale } = await foundedFamily(stores())
      const { family: kept } = await foundedFamily(stores())
      const { device } = await approvedDevice(stores())
      const authorization = sampleAuthorization()
      const marker = { hash: newHash(), expires_at: now + minute }
      const [rotated, slid] = [now + day - 5, now + day - 7]
      const asked: readonly (readonly [Partial<Commit>, string])[] = [
        [
          { use: { kind: 'refresh_rotation', family: family.id, generation: 1, idleExpiresAt: rotated } },
          'committed',
        ],
        [
          { use: { kind: 'refresh_rotation', family: stale.id, generation: 2, idleExpiresAt: rotated } },
          'already_used',
        ],
        [
          { use: { kind: 'refresh_reuse', family: kept.id, generation: 1, idleExpiresAt: slid } },
          'committed',
        ],
        [{ use: { kind: 'refresh_retry', family: unknownFamily(), generation: 1, since: now } }, 'revoked'],
        [{ use: { kind: 'device_code', hash: device.hash } }, 'committed'],
        [{ use: { kind: 'device_code', hash: newHash() } }, 'already_used'],
        [{ use: { kind: 'assertion', ...marker } }, 'committed'],
        [{ issue: { authorization, family: sampleFamily(authorization) } }, 'committed'],
        [{ issue: { referenceToken: sampleReferenceToken() } }, 'committed'],
        [{ authorization: { id: unknownAuthorization(), until: now } }, 'revoked'],
        [{ epoch: 3, sub: 'external' }, 'revoked'],
      ]
      return { asked, family, stale, kept, authorization, rotated, slid }
    })
    const asked = rounds.flatMap(round => round.asked)
    const outcomes = await Promise.all(asked.map(([fields]) => commit(fields)))
    assert.deepEqual(
      outcomes,
      asked.map(([, expected]) => expected),
    )
    for (const { family, stale, kept, authorization, rotated, slid } of rounds) {
      const [moved, same, used] = await Promise.all(
        [family, stale, kept].map(async ({ id }) => (await stores().families.find(id))?.family),
      )
      assert.deepEqual(moved, { ...family, generation: 2, idle_expires_at: rotated })
      assert.deepEqual(same, stale)
      assert.deepEqual(used, { ...kept, idle_expires_at: slid })
      assert.deepEqual(await stores().authorizations.find(authorization.id), authorization)
    }
  })

  test('tick: an authorization lasts as long as the longest token issued for it in the batch', async () => {
    const { authorization } = await issuedCode(stores())
    const { id, expires_at } = authorization
    await times(20, index => commit({ authorization: { id, until: expires_at + ((index * 7) % 20) } }))
    assert.equal((await stores().authorizations.find(id))?.expires_at, expires_at + 19)
  })

  test('tick: a write that can’t be stored fails alone', async () => {
    const { family: there } = await foundedFamily(stores())
    const asked = await times(20, redemption)
    const wrong = { ...asked[7]!, issue: { family: there, referenceToken: sampleReferenceToken() } }
    const settled = await Promise.allSettled(asked.with(7, wrong).map(one => stores().commit(one)))
    assert.deepEqual(
      settled.map(one => (one.status === 'fulfilled' ? one.value : one.status)),
      settled.map((_, index) => (index === 7 ? 'rejected' : 'committed')),
    )
    assert.deepEqual(await left(asked[7]!), [false, false, false, false])
    assert.equal(await stores().commit(asked[7]!), 'committed')
  })

  test('tick: concurrent reads each find their own row, and a missing row is not found', async () => {
    const asked = await times(many, async index => {
      const { authorization, code } = await issuedCode(stores())
      const referenceToken = sampleReferenceToken()
      const jti = newHash()
      if (index % 2 === 0) await stores().revokedTokens.add(jti, now + day)
      const found = await foundedFamily(stores())
      await commit({ issue: { referenceToken } })
      return { authorization, code, referenceToken, jti, found }
    })
    const twice = [...asked, ...asked.slice(0, 20)]
    const answers = await Promise.all(
      twice.flatMap(({ authorization, code, referenceToken, jti, found }) => [
        stores().codes.find(code.hash),
        stores().codes.find(newHash()),
        stores().authorizations.find(authorization.id),
        stores().authorizations.find(unknownAuthorization()),
        stores().families.find(found.family.id),
        stores().families.find(unknownFamily()),
        stores().referenceTokens.find(referenceToken.hash),
        stores().referenceTokens.find(newHash()),
        stores().revokedTokens.has(jti),
      ]),
    )
    const expected = twice.flatMap(({ authorization, code, referenceToken, found }, index) => [
      ...[{ code, authorization }, undefined, authorization, undefined, found, undefined],
      ...[referenceToken, undefined, (index % many) % 2 === 0],
    ])
    assert.deepEqual(answers, expected)
  })
}
