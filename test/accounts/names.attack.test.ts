/** Names and addresses that look or compare like another's: no spelling gives access to another account. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, newestMail } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { authorizePath } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'
import {
  federatedWorld,
  signInByProvider,
  startFederated,
  startForeignProvider,
  subOf,
} from '../support/upstream.ts'

/** In compatibility form they equal `dora@example.com`; as mailboxes they may be a stranger's. */
const lookalikes = [
  'ｄora@example.com',
  'dora@ｅxample.com',
  'dora＠example.com',
  'dora@example．com',
  'dora@example.com\u2028',
]

test('names: an address in other letters can’t be used to sign up, and a new password is sent to the verified mailbox', async () => {
  const server = await createTestServer(accountsWorld())
  await addUser(server)
  const browser = createBrowser(server)
  for (const email of lookalikes) {
    const page = await browser.submit(await browser.visit('/register'), { email })
    assert.notEqual((await server.mails()).at(-1)?.to, email, `${page.status}`)
    await browser.submit(await browser.visit('/password/forgotten'), { username: email })
  }
  const sent = await server.mails()
  assert.ok(sent.length > 0)
  assert.deepEqual([...new Set(sent.map(({ to }) => to))], ['dora@example.com'])
  assert.match((await newestMail(server)).path, /^\/password\/reset/)
})

test('names: a provider’s address in other letters opens no account here', async () => {
  const provider = await startForeignProvider()
  try {
    const linking = { ...federatedWorld(provider, { linking: 'verified_email' }), ...mailAndAccounts }
    const { server, browser } = await startFederated(linking)
    const sub = await addUser(server)
    for (const [email, opens] of [
      ...lookalikes.map(email => [email, false] as const),
      ['DORA@example.com', true] as const,
    ]) {
      provider.claims = { sub: `of ${email}`, email, email_verified: true }
      await signInByProvider(browser, authorizePath({ acr_values: 'idp:corp', prompt: 'login' }))
      assert.equal(subOf(server) === sub, opens, email)
      browser.cookies.clear()
    }
    for (const email_verified of ['true', 1, 'yes', undefined, null, [true]]) {
      provider.claims = { sub: `says ${email_verified}`, email: 'dora@example.com', email_verified }
      await signInByProvider(browser, authorizePath({ acr_values: 'idp:corp', prompt: 'login' }))
      assert.notEqual(subOf(server), sub, String(email_verified))
      browser.cookies.clear()
    }
  } finally {
    await provider.close()
  }
})

test('names: an address that a configured and a stored user share, or that is verified for neither, is not linked', async () => {
  const provider = await startForeignProvider()
  try {
    const configured = (email_verified: boolean) => ({
      ...federatedWorld(provider, { linking: 'verified_email' }),
      ...mailAndAccounts,
      users: [{ sub: 'conf', username: 'conf', claims: { email: 'Eve@example.com', email_verified } }],
    })
    provider.claims = { sub: 'eve', email: 'eve@example.com', email_verified: true }
    const signInThere = async (world: object, stored?: boolean) => {
      const { server, browser } = await startFederated(world)
      const added =
        stored === undefined
          ? undefined
          : await server.stores.storedUsers.add({
              ...{
                sub: 'stored',
                version: 1,
                epoch: 0,
                username: 'x',
                username_key: 'x',
                claims: {},
                created_at: 0,
              },
              ...{ email: 'eve@example.com', email_key: 'eve@example.com' },
              ...(stored && { email_verified_at: 1 }),
            })
      assert.notEqual(added, false)
      await signInByProvider(browser, authorizePath({ acr_values: 'idp:corp' }))
      return String(subOf(server))
    }
    assert.equal(await signInThere(configured(true)), 'conf')
    assert.equal(await signInThere(configured(true), false), 'conf')
    assert.equal(await signInThere(configured(false), true), 'stored')
    for (const [verified, stored] of [
      [true, true],
      [false, false],
      [false, undefined],
    ] as const)
      assert.match(await signInThere(configured(verified), stored), /^fed_/)
  } finally {
    await provider.close()
  }
})

const mailAndAccounts = {
  mail: { from: 'login@id.example', smtp: { host: 'mail.id.example' } },
  accounts: { sign_up: true },
}

test("names: an unverified address can't be chosen as a user name at sign-up", async () => {
  for (const email_verification of ['optional', 'off']) {
    const server = await createTestServer(accountsWorld({ sign_up: true, email_verification }))
    const browser = createBrowser(server)
    const page = await browser.visit('/register')
    const filled = {
      ...(email_verification === 'optional' && { email: 'victim@example.com' }),
      new_password: 'nine silver spoons',
    }
    const names = [
      'victim@example.com',
      'VICTIM＠example.com',
      'victim﹫example.com',
      'a@b',
      'x @ y',
      '@',
      'ｖ＠ｅ',
    ]
    for (const username of names) {
      const again = await browser.submit(page, { ...filled, username })
      assert.match(again.text, /That username isn’t valid/, username)
      assert.equal(server.reason(), 'username_is_address', username)
    }
    assert.deepEqual(await server.stores.storedUsers.list({ limit: 10 }), [])
    // Neither the owner of the address nor the operator is affected.
    await addUser(server, { username: 'victim@example.com', email: 'victim@example.com' })
    assert.equal((await browser.submit(page, { ...filled, username: 'victim' })).target, '/account')
  }
})
