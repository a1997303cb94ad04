/** Replacing the master key of a store with values that can't be opened, or that only look sealed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDerivedKeys, localMasterKey } from '../../packages/server/src/keys/master-key.ts'
import { openRootKeys, rootKeysSetting } from '../../packages/server/src/keys/root-key-set.ts'
import { createSealing, sealedVersion } from '../../packages/server/src/keys/sealing.ts'
import { totpSecretName } from '../../packages/server/src/model/factor.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { createClock, masterKey } from './keys.ts'
import { assertComplete, fill, grace, rotate, type TestStores, totp, type World } from './rotation-world.ts'

const [oldKey, newKey, thirdKey] = [masterKey(1), masterKey(2), masterKey(3)]
const derived = createDerivedKeys(oldKey)

const createWorld = (): World => ({ stores: createMemoryStores() as TestStores, clock: createClock() })

const sealedFor = (kind: string, id: string, path: readonly (string | number)[]): string =>
  Buffer.from(
    createSealing({ derived, purpose: 'entries' }).seal('a secret', JSON.stringify([kind, id, ...path])),
  ).toString('base64url')

/** Returns the bytes with a changed bit of the ciphertext. */
function changed(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[20]! ^= 1
  return copy
}

async function putEntry({ stores, clock }: World, kind: string, id: string, entry: object): Promise<void> {
  const times = { created_at: clock.now(), updated_at: clock.now() }
  const stored = { kind, id, version: 1, enabled: 1, entry, ...times }
  assert.ok(await stores.entries.put(stored as never, await stores.entries.revision()))
}

const entryOf = async ({ stores }: World, kind: string, id: string): Promise<any> =>
  (await stores.entries.find(kind as never, id))?.entry

const versionOf = (text: string): number | undefined => sealedVersion(Buffer.from(text, 'base64url'))

/** Rotates, and returns what an operator sees. */
async function observe(world: World, keys: Parameters<typeof rotate>[1], finish = false) {
  const steps: string[] = []
  const logged: object[] = []
  const error = (event: string, fields: object = {}): void => void logged.push({ event, ...fields })
  const options = { finish, report: (step: string) => void steps.push(step), log: { error } }
  const outcome = await rotate(world, keys, options).then(
    value => ({ value, error: undefined }),
    (error: Error) => ({ value: undefined, error: error.message }),
  )
  const left = steps.filter(step => step.startsWith('left')).map(step => step.replace(/^[^:]*: /, ''))
  return { ...outcome, steps, left, logged }
}

const rootKeysOf = async ({ stores }: World, key: Uint8Array) =>
  (await openRootKeys(String(await stores.settings.get(rootKeysSetting)), [localMasterKey(key)])) ?? []

const lookalikes: readonly unknown[] = [
  { sealed: 'yes' },
  { sealed: '' },
  { sealed: sealedFor('clients', 'shop', ['client_secrets', 0, 'sha256']) },
]
for (const sealed of lookalikes)
  test(`master key rotation: only secrets of an entry are sealed again, not a value like ${JSON.stringify(sealed).slice(0, 18)}`, async () => {
    const world = createWorld()
    const filled = await fill(world, oldKey)
    const sha256 = { sealed: sealedFor('clients', 'shop', ['client_secrets', 0, 'sha256']) }
    await putEntry(world, 'clients', 'shop', {
      client_id: 'shop',
      client_secrets: [{ sha256 }],
      claims: [{ type: 'box', value: sealed }],
    })
    const rules = [
      { claim: 'fixed', value: sealed },
      { claim: 'mapped', from: 'groups', map: { admins: sealed, others: [sealed] } },
    ]
    for (const kind of ['api_scopes', 'api_resources', 'identity_resources'])
      await putEntry(world, kind, 'shop', { name: 'shop', claims: rules })
    const provider = await entryOf(world, 'identity_providers', 'corp')
    await putEntry(world, 'identity_providers', 'corp', { ...provider, claims: { box: sealed } })

    for (const finish of [false, true]) {
      const { error, left } = await observe(world, [newKey, oldKey], finish)
      assert.deepEqual([error, left], [undefined, []])
    }
    await assertComplete(world, filled, newKey)
    const client = await entryOf(world, 'clients', 'shop')
    assert.deepEqual(client.claims, [{ type: 'box', value: sealed }])
    assert.equal(versionOf(client.client_secrets[0].sha256.sealed), 2)
    for (const kind of ['api_scopes', 'api_resources', 'identity_resources'])
      assert.deepEqual((await entryOf(world, kind, 'shop')).claims, rules)
    assert.deepEqual((await entryOf(world, 'identity_providers', 'corp')).claims, { box: sealed })
  })

/** Adds a damaged value of each kind beside intact ones. Returns how the rotation names them. */
async function damage(world: World): Promise<readonly string[]> {
  const { totpSecrets, keys } = world.stores
  const secret = totp(derived).seal('JBSWY3DP', totpSecretName('bob'))
  const row = { last_step: 0, created_at: world.clock.now() }
  await totpSecrets.add({ ...row, sub: 'bob', sealed: changed(secret) })
  await totpSecrets.add({ ...row, sub: 'car\nol', sealed: secret.subarray(0, 20) })
  await totpSecrets.add({ ...row, sub: 'dan', sealed: new Uint8Array(60) })
  await totpSecrets.add({ ...row, sub: 'eve', sealed: new Uint8Array(0) })
  const [{ kid = '', ...key } = {} as never] = await keys.all()
  assert.ok(await keys.add({ ...key, kid: 'renamed' }, kid))
  const at = (index: number) => sealedFor('clients', 'shop', ['client_secrets', index, 'sha256'])
  const broken = Buffer.from(changed(Buffer.from(at(0), 'base64url'))).toString('base64url')
  const client_secrets = [{ sha256: { sealed: broken } }, { sha256: { sealed: at(1) } }]
  await putEntry(world, 'clients', 'shop', { client_id: 'shop', client_secrets })
  return [
    'kind=signing_keys id="renamed" reason=damaged',
    'kind=totp_secrets id="bob" reason=damaged',
    'kind=totp_secrets id="car\\nol" reason=damaged',
    'kind=totp_secrets id="dan" reason=damaged',
    'kind=totp_secrets id="eve" reason=damaged',
    'kind=clients id="shop" place=["client_secrets",0,"sha256"] reason=damaged',
  ]
}

test('master key rotation: damaged values are named and left, everything else is sealed again, and the earlier root key retires', async () => {
  const world = createWorld()
  const filled = await fill(world, oldKey)
  const damaged = await damage(world)
  const before = await world.stores.totpSecrets.find('bob')
  const entry = await entryOf(world, 'clients', 'shop')

  const first = await observe(world, [newKey, oldKey])
  assert.deepEqual(first.value, {
    ...{ rewrapped: false, finished: false },
    retires_at: world.clock.now() + grace,
  })
  assert.ok(first.steps.includes('sealed 4 stored secrets with the new root key'), String(first.steps))
  assert.deepEqual(first.left, damaged)
  assert.match(first.steps.at(-1) ?? '', /^6 of the stored secrets can't be opened with any root key/)
  assert.deepEqual(first.logged.at(-1), {
    ...{ event: 'secret_not_resealed', kind: 'clients', id: 'shop' },
    ...{ place: '["client_secrets",0,"sha256"]', reason: 'damaged' },
  })
  assert.equal(first.logged.length, 6)

  const last = await observe(world, [newKey], true)
  assert.deepEqual([last.value?.finished, last.left], [true, damaged])
  await assertComplete(world, filled, newKey)
  assert.deepEqual(await world.stores.totpSecrets.find('bob'), before)
  const after = await entryOf(world, 'clients', 'shop')
  assert.deepEqual(after.client_secrets[0], entry.client_secrets[0])
  assert.equal(versionOf(after.client_secrets[1].sha256.sealed), 2)
  assert.equal((await rootKeysOf(world, newKey))[0]?.retires_at, first.value?.retires_at)
})

test('master key rotation: damaged values of a root key that has retired keep no later rotation from its end', async () => {
  const world = createWorld()
  const filled = await fill(world, oldKey)
  await damage(world)
  await observe(world, [newKey, oldKey], true)
  world.clock.advance(grace)
  const { value, left } = await observe(world, [thirdKey, newKey], true)
  assert.equal(value?.finished, true)
  assert.deepEqual(
    left.map(line => line.split('reason=')[1]),
    ['root_key_retired', 'root_key_retired', 'damaged', 'damaged', 'damaged', 'root_key_retired'],
  )
  assert.equal((await rootKeysOf(world, thirdKey)).length, 3)
  const [stored] = await world.stores.keys.all()
  assert.equal(stored?.kid, filled.kid)
  assert.equal(sealedVersion(stored!.sealed), 3)
})

for (const finish of [false, true])
  test(`master key rotation: a value of a root key that another process may have stops it once the rest is sealed again${finish ? ', also with --finish' : ''}`, async () => {
    const world = createWorld()
    const filled = await fill(world, oldKey)
    const foreign = totp(derived).seal('JBSWY3DP', totpSecretName('zoe'))
    foreign[0] = 9
    const row = { last_step: 0, created_at: world.clock.now() }
    await world.stores.totpSecrets.add({ ...row, sub: 'zoe', sealed: foreign })
    const damaged = await damage(world)

    for (let run = 0; run < 2; run++) {
      const { error, left, logged } = await observe(world, [newKey, oldKey], finish)
      assert.match(String(error), /not finished: 1 of the stored secrets names a root key .*root_key_unknown/)
      const named = 'kind=totp_secrets id="zoe" reason=root_key_unknown'
      assert.deepEqual(left, damaged.toSpliced(5, 0, named))
      assert.equal(logged.length, 7)
      assert.ok((await rootKeysOf(world, oldKey)).every(({ retires_at }) => retires_at === undefined))
    }
    await assertComplete(world, filled, newKey)
    // The operator replaces the value: the user sets up the app again.
    const { totpSecrets } = world.stores
    await totpSecrets.reseal('zoe', foreign, totp(derived).seal('JBSWY3DP', totpSecretName('zoe')))
    const { value, left } = await observe(world, [newKey, oldKey], true)
    assert.deepEqual([value?.finished, left], [true, damaged])
  })

test('master key rotation: a damaged value that another process replaces meanwhile is sealed again, and not named', async () => {
  const world = createWorld()
  await fill(world, oldKey)
  const { totpSecrets } = world.stores
  const intact = totp(derived).seal('JBSWY3DP', totpSecretName('bob'))
  const row = { sub: 'bob', last_step: 0, created_at: world.clock.now() }
  await totpSecrets.add({ ...row, sealed: changed(intact) })
  let pages = 0
  const page: typeof totpSecrets.page = async (...given) => {
    const found = await totpSecrets.page(...given)
    if (pages++ === 0) await totpSecrets.reseal('bob', changed(intact), intact)
    return found
  }
  const stores = { ...world.stores, totpSecrets: { ...totpSecrets, page } }
  const { value, left, logged } = await observe({ ...world, stores }, [newKey, oldKey], true)
  assert.deepEqual([value?.finished, left, logged], [true, [], []])
  assert.equal(sealedVersion((await totpSecrets.find('bob'))!.sealed), 2)
})
