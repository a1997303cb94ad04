/** A copy of the database without the master key contains nothing that allows a sign-in. */

import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { newHandle } from '../../packages/server/src/model/handle.ts'
import { openSqliteTenantStores } from '../../packages/server/src/storage/sqlite/stores.ts'
import { accountsWorld, addUser, dora, doraSignsIn, tokensOf } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { finishEnrolment, secretOn } from '../support/factors.ts'
import { answerOf, authorizePath, signIn } from '../support/sign-in.ts'
import { createTestServer, masterKey } from '../support/tessera.ts'

/** Opens a SQLite store in its own folder; `bytes` reads everything in the folder. */
async function openFolder(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-at-rest-'))
  const tenantStores = await openSqliteTenantStores({ file: join(folder, 'tessera.db') })
  t.after(async () => {
    await tenantStores.close()
    await rm(folder, { recursive: true, force: true })
  })
  const bytes = async () =>
    Buffer.concat(await Promise.all((await readdir(folder)).map(name => readFile(join(folder, name)))))
  return { tenantStores, bytes }
}

test('at rest: the database contains no plaintext credential, password, factor or key, and no master key', async t => {
  const { tenantStores, bytes } = await openFolder(t)
  const server = await createTestServer(accountsWorld(), { tenantStores })
  await addUser(server)
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  const asked = await browser.visit('/account/security?add=totp')
  const secret = secretOn(asked).replaceAll(' ', '')
  const { codes } = await finishEnrolment(server, browser, asked)
  const code = answerOf(await browser.visit(authorizePath())).get('code') ?? ''
  const { json } = await tokensOf(server, 'dora', dora.password)
  const secrets: Readonly<Record<string, string | Uint8Array>> = {
    'the master key': Buffer.from(masterKey, 'base64'),
    'the master key in base64': masterKey,
    'a private key': '"d":"',
    'the password': dora.password,
    'the app’s secret': secret,
    code,
    ...(json.refresh_token && { 'the refresh token': json.refresh_token }),
    ...Object.fromEntries([...browser.cookies].map(([name, value]) => [name, value])),
    ...Object.fromEntries(codes.map((one, index) => [`recovery code ${index}`, one])),
    ...Object.fromEntries(
      codes.map((one, index) => [`recovery code ${index}, bare`, one.replaceAll('-', '')]),
    ),
  }
  assert.ok(Object.keys(secrets).length > 25 && code.length > 40)
  const stored = await bytes()
  // Plaintext values are found, so the store was read, and not an empty file.
  assert.ok(stored.includes(dora.email))
  for (const [what, value] of Object.entries(secrets)) {
    assert.ok(value.length >= 5, what)
    assert.ok(!stored.includes(value), `the database contains ${what}`)
  }
})

test('at rest: passwords are stored as argon2id with 19 MiB and two passes [RFC 9106]', async t => {
  const { tenantStores } = await openFolder(t)
  const server = await createTestServer(accountsWorld(), { tenantStores, realPasswordCost: true })
  const user = await tenantStores.main.storedUsers.find((await addUser(server)) as never)
  assert.match(String(user?.password), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})

test('at rest: a handle has 256 random bits, and every bit matters', t => {
  t.mock.timers.enable({ apis: ['Date'] })
  const handleOf = (random: Uint8Array) => newHandle({ bytes: count => random.subarray(0, count) }, 'tc')
  const zeros = handleOf(new Uint8Array(32))
  const others = Array.from({ length: 256 }, (_, bit) => {
    const bytes = new Uint8Array(32)
    bytes[bit >> 3] = 1 << (bit & 7)
    return handleOf(bytes)
  })
  assert.equal(new Set([zeros, ...others]).size, 257)
})
