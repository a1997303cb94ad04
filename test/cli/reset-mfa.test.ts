/** Resetting a user's second factors beside a running server. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqliteStores } from '../../packages/server/src/storage/sqlite/stores.ts'
import { writeConfiguration } from '../support/process.ts'
import { tessera } from './tessera.ts'

test('cli: users reset-mfa removes app, passkeys and recovery codes, only of this user', async () => {
  const { file, directory, remove } = await writeConfiguration({ storage: 'sqlite:./tessera.db' })
  const reset = (user: string) => tessera(['users', 'reset-mfa', '--config', file, '--user', user])
  try {
    assert.deepEqual(
      [(await reset('1')).code, (await reset('1')).stderr.includes('no second factor')],
      [1, true],
    )
    const stores = await openSqliteStores({ file: `${directory}/tessera.db` })
    for (const sub of ['1', '2']) {
      await stores.totpSecrets.add({ sub, sealed: new Uint8Array([1]), last_step: 0, created_at: 0 })
      await stores.recoveryCodes.replace(sub, [`hash-${sub}` as never])
      const passkey = { public_key: new Uint8Array([1]), counter: 0, transports: [], name: '', created_at: 0 }
      await stores.passkeys.add(
        { ...passkey, id: `id-${sub}`, sub, backup_eligible: false, backed_up: false },
        9,
      )
    }
    const done = await reset('1')
    assert.deepEqual([done.code, done.stdout], [0, 'removed sub=1 factors=2\n'])
    assert.equal(await stores.totpSecrets.find('1'), undefined)
    assert.deepEqual(await stores.passkeys.of('1'), [])
    assert.equal(await stores.recoveryCodes.count('1'), 0)
    assert.ok(await stores.totpSecrets.find('2'))
    assert.equal(await stores.recoveryCodes.count('2'), 1)
    await stores.close()
  } finally {
    await remove()
  }
})

test('cli: users reset-mfa requires a user', async () => {
  assert.equal((await tessera(['users', 'reset-mfa', '--config', 'x'])).code, 2)
})
