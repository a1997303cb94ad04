/** Guarantees of the ports of second factors. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { Passkey, PendingSignIn } from '../../../packages/server/src/model/factor.ts'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { minute, newHash, now, tally } from './samples.ts'

const contenders = 100
const atOnce = async <Answer>(ask: () => Promise<Answer>) =>
  tally(await Promise.all(Array.from({ length: contenders }, ask)))
const oneWins = { true: 1, false: contenders - 1 }

export const samplePasskey = (fields: Partial<Passkey> = {}): Passkey => ({
  id: randomUUID(),
  sub: randomUUID(),
  public_key: new Uint8Array([165, 0, 255]),
  counter: 0,
  transports: ['internal', 'hybrid'],
  backup_eligible: true,
  backed_up: false,
  name: 'Åsa’s phone',
  created_at: now,
  ...fields,
})

export const samplePending = (fields: Partial<PendingSignIn> = {}): PendingSignIn => ({
  hash: newHash(),
  sub: 'alice',
  idp: 'local',
  amr: ['pwd'],
  auth_time: now,
  created_at: now,
  expires_at: now + minute,
  ...fields,
})

export function testFactors(stores: () => Stores): void {
  test('totp secrets: a user has one; a second is refused', async () => {
    const { totpSecrets, secondFactors } = stores()
    const sub = randomUUID()
    const secret = { sub, sealed: new Uint8Array([1, 0, 255]), last_step: 7, created_at: now }
    assert.equal(await totpSecrets.find(sub), undefined)
    assert.deepEqual(await atOnce(() => totpSecrets.add(secret)), oneWins)
    assert.equal(await totpSecrets.add({ ...secret, last_step: 9 }), false)
    assert.deepEqual(await totpSecrets.find(sub), secret)
    const remove = () => secondFactors.remove(sub, { method: 'totp' }, [])
    assert.deepEqual([await remove(), await remove()], ['removed', 'unknown'])
    assert.equal(await totpSecrets.find(sub), undefined)
  })

  test('totp secrets: a step is used once, and no earlier one after it [RFC 6238 §5.2]', async () => {
    const { totpSecrets } = stores()
    const sub = randomUUID()
    await totpSecrets.add({ sub, sealed: new Uint8Array([1]), last_step: 7, created_at: now })
    assert.equal(await totpSecrets.use(sub, 7), false)
    assert.deepEqual(await atOnce(() => totpSecrets.use(sub, 9)), oneWins)
    assert.equal(await totpSecrets.use(sub, 8), false)
    assert.equal((await totpSecrets.find(sub))?.last_step, 9)
    assert.equal(await totpSecrets.use(randomUUID(), 10), false)
  })

  test('recovery codes: each is used once; new ones replace all', async () => {
    const { recoveryCodes } = stores()
    const sub = randomUUID()
    const [one, two, three] = [newHash(), newHash(), newHash()]
    assert.equal(await recoveryCodes.count(sub), 0)
    await recoveryCodes.replace(sub, [one, two])
    assert.equal(await recoveryCodes.count(sub), 2)
    assert.equal(await recoveryCodes.use(randomUUID(), one), false)
    assert.deepEqual(await atOnce(() => recoveryCodes.use(sub, one)), oneWins)
    assert.equal(await recoveryCodes.count(sub), 1)
    await recoveryCodes.replace(sub, [three])
    assert.equal(await recoveryCodes.use(sub, two), false)
    assert.equal(await recoveryCodes.use(sub, three), true)
    assert.equal(await recoveryCodes.count(sub), 0)
  })

  test('passkeys: found by id and by user, with every field unchanged', async () => {
    const { passkeys } = stores()
    const sub = randomUUID()
    const one = samplePasskey({ sub, last_used_at: now + 1 })
    const two = samplePasskey({ sub, backup_eligible: false, backed_up: true, counter: 3 })
    assert.equal(await passkeys.add(one, 5), true)
    assert.equal(await passkeys.add(two, 5), true)
    assert.deepEqual(await passkeys.find(one.id), one)
    assert.deepEqual(await passkeys.of(sub), [one, two])
    assert.equal(await passkeys.find(randomUUID()), undefined)
    assert.deepEqual(await passkeys.of(randomUUID()), [])
  })

  test('passkeys: an id is unique, and a user has no more than allowed', async () => {
    const { passkeys } = stores()
    const passkey = samplePasskey()
    assert.deepEqual(await atOnce(() => passkeys.add(passkey, 1000)), oneWins)
    assert.equal(await passkeys.add({ ...passkey, sub: randomUUID() }, 5), false)
    const added = await Promise.all(
      Array.from({ length: 20 }, () => passkeys.add(samplePasskey({ sub: passkey.sub }), 3)),
    )
    assert.deepEqual(tally(added), { true: 2, false: 18 })
  })

  test('passkeys: only their owner can rename and remove them', async () => {
    const { passkeys, secondFactors } = stores()
    const passkey = samplePasskey()
    const { sub, id } = passkey
    const remove = (owner: string) => secondFactors.remove(owner, { method: 'passkey', id }, [])
    await passkeys.add(passkey, 5)
    assert.equal(await passkeys.rename(randomUUID(), id, 'Theirs'), false)
    assert.equal(await remove(randomUUID()), 'unknown')
    assert.equal(await passkeys.rename(sub, id, 'Mine'), true)
    assert.deepEqual(await passkeys.find(id), { ...passkey, name: 'Mine' })
    assert.deepEqual([await remove(sub), await remove(sub)], ['removed', 'unknown'])
    assert.equal(await passkeys.find(id), undefined)
  })

  test('passkeys: a counter only increases, or has always been 0 [WebAuthn Level 3 §7.2]', async () => {
    const { passkeys } = stores()
    const counting = samplePasskey({ counter: 5 })
    await passkeys.add(counting, 5)
    const use = (counter: number) => ({ counter, backed_up: true, at: now + 9 })
    assert.equal(await passkeys.use(counting.id, use(5)), false)
    assert.equal(await passkeys.use(counting.id, use(0)), false)
    assert.deepEqual(await passkeys.find(counting.id), counting)
    assert.deepEqual(await atOnce(() => passkeys.use(counting.id, use(6))), oneWins)
    const used = { ...counting, counter: 6, backed_up: true, last_used_at: now + 9 }
    assert.deepEqual(await passkeys.find(counting.id), used)
    const still = samplePasskey()
    await passkeys.add(still, 5)
    assert.equal(await passkeys.use(still.id, use(0)), true)
    assert.equal(await passkeys.use(still.id, use(0)), true)
    assert.equal(await passkeys.use(randomUUID(), use(1)), false)
  })

  test('pending sign-ins: one is found until it is consumed, once', async () => {
    const { pendingSignIns } = stores()
    const full = samplePending({ tenant: 'acme', acr: '1', claims: { name: 'Alice' }, upstream: 'up' })
    const plain = samplePending()
    await pendingSignIns.create(full)
    await pendingSignIns.create(plain)
    assert.deepEqual(await pendingSignIns.find(full.hash), full)
    assert.deepEqual(await atOnce(() => pendingSignIns.take(full.hash)), oneWins)
    assert.equal(await pendingSignIns.find(full.hash), undefined)
    assert.deepEqual(await pendingSignIns.find(plain.hash), plain)
    assert.equal(await pendingSignIns.take(newHash()), false)
  })

  /** A user with an app, two passkeys, recovery codes and a pending sign-in. */
  async function equipped() {
    const { totpSecrets, passkeys, recoveryCodes, pendingSignIns } = stores()
    const sub = randomUUID()
    const [one, two] = [samplePasskey({ sub }), samplePasskey({ sub })]
    const pending = samplePending({ sub })
    await totpSecrets.add({ sub, sealed: new Uint8Array([1]), last_step: 7, created_at: now })
    for (const passkey of [one, two]) await passkeys.add(passkey, 5)
    await recoveryCodes.replace(sub, [newHash()])
    await pendingSignIns.create(pending)
    return { sub, one: one.id, two: two.id, pending }
  }

  test('second factors: recovery codes are removed with the last factor', async () => {
    const { secondFactors, recoveryCodes } = stores()
    const { sub, one, two } = await equipped()
    for (const factor of [{ method: 'passkey', id: one }, { method: 'totp' }] as const) {
      assert.equal(await secondFactors.remove(sub, factor, []), 'removed')
      assert.equal(await recoveryCodes.count(sub), 1)
    }
    assert.equal(await secondFactors.remove(sub, { method: 'passkey', id: two }, []), 'removed')
    assert.equal(await recoveryCodes.count(sub), 0)
  })

  test('second factors: of concurrent removals, the last required one fails', async () => {
    const { secondFactors, passkeys, totpSecrets } = stores()
    const { sub, one, two } = await equipped()
    const factors = [
      { method: 'totp' },
      ...[one, two].map(id => ({ method: 'passkey', id }) as const),
    ] as const
    const both = ['totp', 'passkey'] as const
    const outcomes = await Promise.all(factors.map(factor => secondFactors.remove(sub, factor, both)))
    assert.deepEqual(tally(outcomes), { removed: 2, last: 1 })
    const left = (await passkeys.of(sub)).length + ((await totpSecrets.find(sub)) ? 1 : 0)
    assert.equal(left, 1)
    // A factor that does not count as a method can be removed.
    const last = factors[outcomes.indexOf('last')] ?? factors[0]
    const other = last.method === 'totp' ? 'passkey' : 'totp'
    assert.equal(await secondFactors.remove(sub, last, [other]), 'removed')
  })

  test('second factors: a reset removes all of a user’s, and no other’s', async () => {
    const { secondFactors, totpSecrets, passkeys, recoveryCodes, pendingSignIns } = stores()
    const [lost, other] = [await equipped(), await equipped()]
    assert.equal(await secondFactors.reset(lost.sub), 3)
    assert.equal(await secondFactors.reset(lost.sub), 0)
    const left = async ({ sub, pending }: typeof lost) => [
      (await totpSecrets.find(sub)) !== undefined,
      (await passkeys.of(sub)).length,
      await recoveryCodes.count(sub),
      (await pendingSignIns.find(pending.hash)) !== undefined,
    ]
    assert.deepEqual(await left(lost), [false, 0, 0, false])
    assert.deepEqual(await left(other), [true, 2, 1, true])
  })
}
