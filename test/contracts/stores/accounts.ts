/** Guarantees of the ports of stored users and of counted attempts. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import type { StoredUser } from '../../../packages/server/src/model/stored-user.ts'
import {
  day,
  enablePrincipals,
  minute,
  newHash,
  now,
  sampleAuthorization,
  sampleCommit,
  sampleUser,
  tally,
} from './samples.ts'

export function testAccounts(stores: () => Stores): void {
  const mayCommit = async (sub: string): Promise<unknown> => {
    await enablePrincipals(stores())
    return stores().commit(sampleCommit({ sub, issue: { authorization: sampleAuthorization({ sub }) } }))
  }

  test('stored users: a stored user is read back with every field unchanged', async () => {
    const { storedUsers } = stores()
    const full = sampleUser({
      tenant: 'acme',
      email: 'Åsa@Example.com',
      email_key: `åsa-${newHash()}@example.com`,
      email_verified_at: now,
      claims: { name: 'Åsa "A"', nested: { n: 1.5 } },
      password: '$argon2id$…',
      password_changed_at: now,
      disabled_at: now + 1,
    })
    const plain = sampleUser()
    assert.equal(await storedUsers.add(full), true)
    assert.equal(await storedUsers.add(plain), true)
    assert.equal(await storedUsers.any(), true)
    const tenant = newHash()
    for (const disabled_at of [now, undefined])
      await storedUsers.add(sampleUser({ tenant, ...(disabled_at !== undefined && { disabled_at }) }))
    assert.equal(await storedUsers.numberInTenant(tenant), 2)
    assert.equal(await storedUsers.numberInTenant(newHash()), 0)
    assert.deepEqual(await storedUsers.find(full.sub), full)
    assert.deepEqual(await storedUsers.find(plain.sub), plain)
    assert.deepEqual(await storedUsers.findByName(full.username_key, 'acme'), full)
    assert.equal(await storedUsers.findByName(full.username_key, undefined), undefined)
    assert.deepEqual(await storedUsers.findByName(plain.username_key, undefined), plain)
    assert.deepEqual(await storedUsers.findByVerifiedEmail(full.email_key ?? '', 'acme'), full)
    assert.equal(await storedUsers.findByVerifiedEmail(full.email_key ?? '', undefined), undefined)
    assert.equal(await storedUsers.find(newHash()), undefined)
  })

  test('stored users: of many concurrent users with one name, one is added in each tenant', async () => {
    const { storedUsers } = stores()
    const username_key = newHash()
    for (const tenant of [undefined, 'acme']) {
      const added = await Promise.all(
        Array.from({ length: 50 }, () =>
          storedUsers.add(sampleUser({ username_key, ...(tenant !== undefined && { tenant }) })),
        ),
      )
      assert.deepEqual(tally(added), { true: 1, false: 49 })
    }
  })

  test('stored users: a verified address is unique within its tenant, an unverified one is not', async () => {
    const { storedUsers } = stores()
    const email_key = `${newHash()}@example.com`
    const claimed = sampleUser({ email_key })
    assert.equal(await storedUsers.add(claimed), true)
    assert.equal(await storedUsers.findByVerifiedEmail(email_key, undefined), undefined)
    assert.equal(await storedUsers.add(sampleUser({ email_key, email_verified_at: now })), true)
    assert.equal(await storedUsers.add(sampleUser({ email_key, email_verified_at: now })), false)
    assert.equal(await storedUsers.add(sampleUser({ email_key, email_verified_at: now, tenant: 't' })), true)
    const verified = { ...claimed, version: 2, email_verified_at: now }
    assert.deepEqual(await storedUsers.replace(verified), { outcome: 'taken' })
    assert.deepEqual(await storedUsers.find(claimed.sub), claimed)
  })

  test('stored users: a name can’t be another’s verified address, and vice versa', async () => {
    const { storedUsers } = stores()
    const [name, address] = [`${newHash()}@example.com`, `${newHash()}@example.com`]
    const owner = sampleUser({ username_key: name, email_key: address, email_verified_at: now })
    // Their own name may be their own address.
    const alike = sampleUser({ email_key: newHash(), email_verified_at: now })
    assert.equal(await storedUsers.add({ ...alike, username_key: alike.email_key ?? '' }), true)
    assert.equal(await storedUsers.add(owner), true)
    assert.equal(await storedUsers.add(sampleUser({ username_key: address })), false)
    assert.equal(await storedUsers.add(sampleUser({ email_key: name, email_verified_at: now })), false)
    assert.equal(await storedUsers.add(sampleUser({ email_key: name })), true)
    assert.equal(await storedUsers.add(sampleUser({ username_key: address, tenant: 'acme' })), true)
    const other = sampleUser()
    await storedUsers.add(other)
    for (const change of [{ username_key: address }, { email_key: name, email_verified_at: now }])
      assert.deepEqual(await storedUsers.replace({ ...other, ...change, version: 2 }), { outcome: 'taken' })
  })

  test('stored users: of many concurrent updates of one version, one succeeds', async () => {
    const { storedUsers } = stores()
    const user = sampleUser()
    await storedUsers.add(user)
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, n) => storedUsers.replace({ ...user, version: 2, password: String(n) })),
    )
    assert.deepEqual(tally(outcomes.map(({ outcome }) => outcome)), { replaced: 1, changed: 49 })
    assert.equal((await storedUsers.find(user.sub))?.version, 2)
    assert.deepEqual(await storedUsers.replace(sampleUser({ version: 2 })), { outcome: 'changed' })
  })

  test('stored users: a hash is upgraded if it is still stored, without a new version or epoch', async () => {
    const { storedUsers } = stores()
    const user = sampleUser({ password: '{SSHA}old', epoch: 3, disabled_at: now })
    const other = sampleUser({ password: '{SSHA}old' })
    for (const one of [user, other]) await storedUsers.add(one)
    assert.equal(await storedUsers.upgradePassword(user.sub, '{SSHA}other', 'new'), false)
    assert.equal(await storedUsers.upgradePassword(newHash(), '{SSHA}old', 'new'), false)
    const upgraded = await Promise.all(
      Array.from({ length: 20 }, (_, n) => storedUsers.upgradePassword(user.sub, '{SSHA}old', `new ${n}`)),
    )
    assert.deepEqual(tally(upgraded), { true: 1, false: 19 })
    const { password, ...rest } = (await storedUsers.find(user.sub))!
    assert.equal(password, `new ${upgraded.indexOf(true)}`)
    const { password: _, ...before } = user
    assert.deepEqual(rest, before)
    assert.deepEqual(await storedUsers.find(other.sub), other)
    // A change that was read before the upgrade still applies.
    assert.equal(
      (await storedUsers.replace({ ...user, version: 2, password: 'changed' })).outcome,
      'replaced',
    )
    assert.equal(await storedUsers.upgradePassword(user.sub, '{SSHA}old', 'late'), false)
    assert.equal((await storedUsers.find(user.sub))?.password, 'changed')
    assert.equal(await storedUsers.upgradePassword(sampleUser().sub, '', 'new'), false)
  })

  test('stored users: a user is accepted by commit while active', async () => {
    const { storedUsers } = stores()
    const user = sampleUser()
    await storedUsers.add(user)
    assert.equal(await mayCommit(user.sub), 'committed')
    await storedUsers.replace({ ...user, version: 2, disabled_at: now })
    assert.equal(await mayCommit(user.sub), 'revoked')
    await storedUsers.replace({ ...user, version: 3 })
    assert.equal(await mayCommit(user.sub), 'committed')
    const disabled = sampleUser({ disabled_at: now })
    await storedUsers.add(disabled)
    assert.equal(await mayCommit(disabled.sub), 'revoked')
  })

  test('stored users: pages of a list follow each other', async () => {
    const { storedUsers } = stores()
    for (let count = 0; count < 5; count++) await storedUsers.add(sampleUser())
    const all = await storedUsers.list({ limit: 10_000 })
    const paged: StoredUser[] = []
    for (;;) {
      const after = paged.at(-1)?.sub
      const page = await storedUsers.list({ limit: 2, ...(after !== undefined && { after }) })
      if (page.length === 0) break
      paged.push(...page)
    }
    assert.deepEqual(paged, all)
    assert.deepEqual(
      all.map(({ sub }) => sub),
      [...new Set(all.map(({ sub }) => sub))].sort(),
    )
  })

  test('attempts: of a thousand concurrent attempts, as many count as the limit allows', async () => {
    const { attempts } = stores()
    const limit = { hash: newHash(), most: 100, span: minute }
    const waits = await Promise.all(Array.from({ length: 1000 }, () => attempts.count([limit], now)))
    assert.deepEqual(tally(waits), { 0: 100, [minute]: 900 })
    assert.equal(await attempts.count([limit], now + minute - 1), 1)
    assert.equal(await attempts.count([limit], now + minute), 0)
  })

  test('attempts: if one key is at its limit none is counted, and undoing one makes room', async () => {
    const { attempts } = stores()
    const full = { hash: newHash(), most: 1, span: minute }
    const other = { hash: newHash(), most: 1, span: day }
    assert.equal(await attempts.count([full], now), 0)
    assert.equal(await attempts.count([full, other], now), minute)
    await attempts.forgive([full.hash])
    assert.equal(await attempts.count([full, other], now), 0)
    assert.equal(await attempts.count([full, other], now), day)
    await attempts.forgive([newHash()])
  })

  test('attempts: the waiting time can be read without counting', async () => {
    const { attempts } = stores()
    const limit = { hash: newHash(), most: 1, span: minute }
    assert.equal(await attempts.wait([limit], now), 0)
    assert.equal(await attempts.count([limit], now), 0)
    assert.equal(await attempts.wait([limit], now + 10), minute - 10)
    assert.equal(await attempts.wait([limit], now + minute), 0)
    assert.equal(await attempts.wait([{ ...limit, most: 2 }], now), 0)
  })

  test('attempts: of concurrent attempts of many names from one network, as many count as the network and each name allow', async () => {
    const { attempts } = stores()
    const network = { hash: newHash(), most: 150, span: minute }
    const names = Array.from({ length: 10 }, () => ({ hash: newHash(), most: 20, span: day }))
    // In either order: no two may wait for each other.
    const asked = Array.from({ length: 500 }, (_, index) => {
      const name = names[index % names.length] ?? network
      return { name, limits: index % 3 ? [network, name] : [name, network] }
    })
    const waits = await Promise.all(asked.map(({ limits }) => attempts.count(limits, now)))
    assert.equal(tally(waits)[0], 150)
    for (const name of names) {
      const counted = asked.filter((one, index) => one.name === name && waits[index] === 0).length
      // Refused attempts counted for nothing.
      assert.equal(await attempts.wait([{ ...name, most: Math.max(counted, 1) }], now), counted && day)
      assert.equal(await attempts.wait([{ ...name, most: counted + 1 }], now), 0)
    }
  })

  test('attempts: a counter of a clock that was ahead has ended once the clock is right, and small corrections end none', async () => {
    const { attempts } = stores()
    const limit = { hash: newHash(), most: 1, span: minute }
    const ahead = now + 35 * day
    assert.equal(await attempts.count([limit], ahead), 0)
    assert.equal(await attempts.count([limit], ahead), minute)
    // As clocks are corrected while they run.
    assert.equal(await attempts.count([limit], ahead - 600), minute + 600)
    assert.equal(await attempts.wait([limit], ahead - 600), minute + 600)
    assert.equal(await attempts.wait([limit], now), 0)
    assert.equal(await attempts.count([limit], now), 0)
    assert.equal(await attempts.count([limit], now), minute)
    assert.equal(await attempts.wait([limit], now + 1), minute - 1)
    assert.equal(await attempts.count([limit], now + minute), 0)
  })

  test('attempts: one counter may have several limits', async () => {
    const { attempts } = stores()
    const few = { hash: newHash(), most: 10, span: minute }
    const many = { ...few, most: 15 }
    const waits = await Promise.all(
      Array.from({ length: 30 }, (_, index) => attempts.count([index % 2 ? few : many], now)),
    )
    assert.equal(tally(waits)[0], 15)
    assert.ok((await attempts.count([few], now)) > 0)
  })

  test('attempts: many undone concurrently are all undone, and none goes below zero', async () => {
    const { attempts } = stores()
    const limit = { hash: newHash(), most: 50, span: minute }
    const other = { hash: newHash(), most: 50, span: minute }
    await Promise.all(Array.from({ length: 50 }, () => attempts.count([limit, other], now)))
    await Promise.all(Array.from({ length: 60 }, () => attempts.forgive([other.hash, limit.hash])))
    assert.equal(await attempts.wait([{ ...limit, most: 1 }], now), 0)
    const waits = await Promise.all(Array.from({ length: 60 }, () => attempts.count([limit], now)))
    assert.equal(tally(waits)[0], 50)
  })
}
