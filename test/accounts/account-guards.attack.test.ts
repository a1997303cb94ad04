/** Separation of accounts, their mails and their guess counters. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { administerUsers } from '../../packages/server/src/identity/user-administration.ts'
import { sampleUser } from '../contracts/stores/samples.ts'
import { accountsWorld, addUser, dora, doraSignsIn } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { answerOf, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const withAddress = {
  ...accountsWorld(),
  users: pagesWorld.users.map(user =>
    user.sub === '1' ? { ...user, claims: { email: 'alice@example.com', email_verified: true } } : user,
  ),
}

/** A stored account, and the reasons for which its change is refused. */
async function refusalOf(server: TestServer, changes: Parameters<TestServer['accounts']['update']>[1]) {
  const user = await server.accounts.find(await addUser(server))
  assert.ok(user)
  const changed = await server.accounts.update(user, changes)
  assert.ok(!changed.ok)
  assert.deepEqual(await server.accounts.find(user.sub), user)
  return changed.reason
}

test('accounts: a new name has no control characters and is unique', async () => {
  const server = await createTestServer(withAddress)
  assert.equal(await refusalOf(server, { username: 'do\u0000ra' }), 'username_malformed')
})

test('accounts: a new name is unique, and so among configured users', async () => {
  const server = await createTestServer(withAddress)
  assert.equal(await refusalOf(server, { username: 'Alice' }), 'username_taken')
})

test('accounts: a verified address is unique, and so among configured users', async () => {
  const server = await createTestServer(withAddress)
  assert.equal(await refusalOf(server, { verifiedEmail: 'ALICE@example.com' }), 'account_taken')
})

test('accounts: the sub of a configured user or client is not assigned to anyone else', async () => {
  const server = await createTestServer(withAddress)
  for (const sub of ['1', 'web']) {
    const added = await server.accounts.add({ ...dora, sub })
    assert.equal(!added.ok && added.reason, 'account_taken', sub)
  }
})

test('accounts: the sub of a provider’s user is not assigned to anyone else, and not in a dry run', async () => {
  const server = await createTestServer(withAddress)
  const administration = administerUsers(server.accounts, server.stores.storedUsers)
  const sub = `fed_${'Az_-'.repeat(10)}123`
  for (const dryRun of [true, false]) {
    const added = await server.accounts.add({ ...dora, sub, dryRun })
    assert.equal(!added.ok && added.reason, 'account_taken')
    const byOperator = await administration.add({ ...dora, sub, dryRun })
    assert.equal(!byOperator.ok && byOperator.problem, 'sub_malformed')
  }
  assert.equal(await server.stores.storedUsers.find(sub), undefined)
  for (const other of [sub.slice(1), `${sub}4`, 'fed_1'])
    assert.ok((await server.accounts.add({ ...dora, sub: other, dryRun: true })).ok, other)
})

test('accounts: a stored user of a backup who has such a sub can still be changed and deleted', async () => {
  const server = await createTestServer(withAddress)
  const sub = `fed_${'a'.repeat(43)}`
  await server.stores.storedUsers.add(sampleUser({ sub }))
  assert.ok((await server.accounts.setActive(sub, false)).ok)
  assert.ok((await server.accounts.remove(sub)).ok)
})

const to = async (server: TestServer, address: string) =>
  (await server.mails()).filter(mail => mail.to.toLowerCase() === address)

async function invite(server: TestServer, email: string): Promise<void> {
  const browser = createBrowser(server)
  await browser.submit(await browser.visit('/register'), { email })
}

test('mail: an address is sent at most five invitations an hour, however it is written', async () => {
  const server = await createTestServer(accountsWorld())
  for (let count = 0; count < 4; count++) await invite(server, 'new@example.com')
  for (let count = 0; count < 4; count++) await invite(server, 'New@Example.com')
  assert.equal((await to(server, 'new@example.com')).length, 5)
})

test('mail: invitations sent to an address do not prevent mail of another kind', async () => {
  const server = await createTestServer(accountsWorld())
  await addUser(server)
  for (let count = 0; count < 6; count++) await invite(server, 'new@example.com')
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  await browser.submit(await browser.visit('/account/email'), { email: 'new@example.com' })
  const mails = await to(server, 'new@example.com')
  assert.equal(mails.length, 6)
  assert.match(mails.at(-1)?.link ?? '', /\/email\/confirm\?/)
})

async function exhaust(server: TestServer, username: string): Promise<void> {
  for (let count = 0; ; count++) {
    const browser = createBrowser(server)
    const page = await signIn(browser, authorizePath(), { username, password: 'wrong', button: 'login' })
    if (page.status === 429) return
    assert.ok(count < 200)
  }
}

test('guesses: wrong passwords for a name do not lock out the user with that name in a tenant, or at a provider', async () => {
  const server = await createTestServer(pagesWorld)
  for (const username of ['carol', 'alice']) await exhaust(server, username)
  assert.equal(server.reason(), 'password_guessed_too_often')
  const inAcme = authorizePath({ acr_values: 'tenant:acme' })
  const carol = { username: 'carol', password: 'carol', button: 'login' }
  assert.ok(answerOf(await signIn(createBrowser(server), inAcme, carol)).has('code'))
  const atDirectory = authorizePath({ acr_values: 'idp:directory' })
  const staff = { username: 'alice', password: 'staff', button: 'login' }
  assert.ok(answerOf(await signIn(createBrowser(server), atDirectory, staff)).has('code'))
})
