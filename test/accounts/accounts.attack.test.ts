/** Attacks on accounts by their links and forms: concurrent use, tampering, and probing for accounts. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreUnavailable } from '../../packages/server/src/runtime/ports.ts'
import { accountsWorld, addUser, dora, doraSignsIn, newestMail, tokensOf } from '../support/accounts.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { appOf, secretOn } from '../support/factors.ts'
import { assertErrorPage, authorizePath, signIn } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

async function start(changes: object = {}) {
  const server = await createTestServer(accountsWorld())
  return { server, browser: createBrowser(server), sub: await addUser(server, changes) }
}

const ask = async (server: TestServer, username = 'dora'): Promise<string> => {
  const browser = createBrowser(server)
  await browser.submit(await browser.visit('/password/forgotten'), { username })
  return (await newestMail(server)).path
}

const better = 'eleven green bottles'

test('reset: the link sets a new password, ends every session and token, and notifies the user', async () => {
  const { server, browser } = await start()
  await signIn(browser, '/account', doraSignsIn)
  const { json } = await tokensOf(server, 'dora', dora.password)
  const path = await ask(server, 'DORA@example.com')
  const owner = createBrowser(server)
  const page = await owner.visit(path)
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
  const done = await owner.submit(page, { new_password: better })
  assert.match(done.text, /Your password was changed/)
  assert.ok(![...owner.cookies.keys()].some(name => name.includes('session')))
  assert.ok((await browser.visit('/account')).target.startsWith('/login'))
  const refresh = { grant_type: 'refresh_token', refresh_token: json.refresh_token }
  assert.equal((await server.token(refresh, { client: ['direct', 's'] })).status, 400)
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 400)
  assert.equal((await tokensOf(server, 'dora', better)).status, 200)
  assert.match((await newestMail(server)).subject, /was changed/)
})

test('attack: of a hundred concurrent uses of one reset link, one succeeds', async () => {
  const { server } = await start()
  const path = await ask(server)
  const browser = createBrowser(server)
  const page = await browser.visit(path)
  const passwords = Array.from({ length: 40 }, (_, n) => `eleven green bottles ${n}`)
  const pages = await Promise.all(passwords.map(new_password => browser.submit(page, { new_password })))
  const won = pages.flatMap(({ status }, index) => (status === 200 ? [index] : []))
  assert.equal(won.length, 1)
  const fits = await Promise.all(passwords.map(password => tokensOf(server, 'dora', password)))
  assert.deepEqual(
    fits.flatMap(({ status }, index) => (status === 200 ? [index] : [])),
    won,
  )
})

test('attack: of two processes that use one reset link, one succeeds; after a restart it no longer works', async () => {
  const { open } = await beginShared()
  const nodes = [await open(), await open()]
  const servers = await Promise.all(
    nodes.map(tenantStores => createTestServer(accountsWorld(), { tenantStores })),
  )
  const [first] = servers
  assert.ok(first)
  await addUser(first)
  const path = await ask(first)
  const posts = await Promise.all(
    servers.map(async (server, n) => {
      const browser = createBrowser(server)
      const page = await browser.visit(path)
      return () => browser.submit(page, { new_password: `${better} ${n}` })
    }),
  )
  const pages = await Promise.all(posts.map(post => post()))
  assert.deepEqual(pages.map(({ status }) => status).sort(), [200, 400])
  for (const tenantStores of nodes) await tenantStores.close()
  const restarted = await createTestServer(accountsWorld(), { tenantStores: await open() })
  assert.equal((await createBrowser(restarted).visit(path)).status, 400)
})

test('attack: a reset link is invalid after a change of the password or the address, or when the user is disabled', async () => {
  const { server, sub } = await start()
  const changes: readonly (() => Promise<unknown>)[] = [
    async () => server.accounts.setPassword((await server.accounts.find(sub))!, better),
    async () =>
      server.accounts.update((await server.accounts.find(sub))!, { verifiedEmail: 'd@new.example' }),
    () => server.accounts.setActive(sub, false),
  ]
  for (const change of changes) {
    const path = await ask(server)
    const browser = createBrowser(server)
    const page = await browser.visit(path)
    assert.equal(page.status, 200)
    await change()
    assert.equal((await browser.submit(page, { new_password: 'twelve yellow taxis' })).status, 400)
    assert.equal((await browser.visit(path)).status, 400)
  }
})

test('attack: a modified, swapped or hour-old link does not work', async () => {
  const { server, browser } = await start()
  await addUser(server, { username: 'eve', email: 'eve@example.com' })
  const path = await ask(server)
  const link = new URLSearchParams(path.split('?')[1]).get('link') ?? ''
  const others = new URLSearchParams((await ask(server, 'eve')).split('?')[1]).get('link') ?? ''
  const plain = { kind: 'reset_password', sub: 'x', asked_at: server.clock.now() }
  const flipped = [...link].map((letter, at) => {
    const other = letter === 'A' ? 'B' : 'A'
    return link.slice(0, at) + other + link.slice(at + 1)
  })
  for (const changed of [
    '',
    `${link}.`,
    `${link}A`,
    link.slice(0, -1),
    `${others.split('.')[0]}.${link.split('.')[1]}`,
    `${link.split('.')[0]}.${others.split('.')[1]}`,
    link.split('.')[0] ?? '',
    Buffer.from(JSON.stringify(plain)).toString('base64url'),
    ...flipped,
  ]) {
    const page = await browser.visit(`/password/reset?${new URLSearchParams({ link: changed })}`)
    assert.equal(page.status, 400, changed)
    assert.equal(server.reason(), 'mail_link_invalid')
  }
  await signIn(browser, '/account', doraSignsIn)
  const swapped = await browser.visit(`/email/confirm?${new URLSearchParams({ link })}`)
  assert.equal(swapped.status, 400)
  const page = await browser.visit(path)
  assert.equal(page.status, 200)
  server.clock.advance(3600)
  assert.equal((await browser.submit(page, { new_password: better })).status, 400)
})

test('attack: a forged form resets nothing [RFC 9700 §4.7]', async () => {
  const { server, browser } = await start()
  const path = await ask(server)
  const page = await browser.visit(path)
  const stranger = createBrowser(server)
  assertErrorPage(await stranger.submit(page, { new_password: better }), 'invalid_request')
  assert.equal(server.reason(), 'csrf_token_wrong')
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
})

test('attack: a password reset gets the same response for known and unknown addresses; mail goes to verified addresses only', async () => {
  const { server, browser } = await start()
  await addUser(server, { username: 'unproven', email: 'unproven@example.com', emailVerified: false })
  await addUser(server, { username: 'mailless', email: undefined })
  const sub = await addUser(server, { username: 'off', email: 'off@example.com' })
  await server.accounts.setActive(sub, false)
  const pages = new Set<string>()
  const asked = [
    'nobody',
    'nobody@example.com',
    'alice',
    'unproven',
    'unproven@example.com',
    'mailless',
    'off',
  ]
  for (const username of [...asked, 'dora']) {
    const page: Page = await browser.submit(await browser.visit('/password/forgotten'), { username })
    assert.equal(page.status, 200)
    pages.add(page.body)
  }
  assert.equal(pages.size, 1)
  assert.deepEqual(
    (await server.mails()).map(({ to }) => to),
    [dora.email],
  )
})

test('attack: a response does not wait for its mail', async () => {
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const server = await createTestServer(accountsWorld(), { sendMail: () => held })
  await addUser(server)
  const browser = createBrowser(server)
  const page = await browser.submit(await browser.visit('/password/forgotten'), { username: 'dora' })
  assert.match(page.text, /Check your email/)
  release()
  await server.mails()
})

test('attack: unknown names, wrong passwords and disabled stored users get the same response', async () => {
  const { server, browser } = await start()
  const sub = await addUser(server, { username: 'inactive-olga', email: undefined })
  await server.accounts.setActive(sub, false)
  const page = await browser.visit(authorizePath())
  const answers = new Set<string>()
  for (const [username, password] of [
    ['nobody', dora.password],
    ['dora', 'wrong'],
    ['inactive-olga', dora.password],
    ['alice', 'wrong'],
  ] as const) {
    const answer = await browser.submit(page, { username, password, button: 'login' })
    assert.equal(answer.status, 400)
    answers.add(
      // A passkey's challenge is new each time.
      answer.body
        .replaceAll(username, '')
        .replaceAll(/challenge&quot;:&quot;[\w-]+|name="ticket" value="[^"]+"/g, ''),
    )
  }
  assert.equal(answers.size, 1)
})

test('attack: of a hundred users who sign up with one name at once, one gets it', async () => {
  const server = await createTestServer(accountsWorld())
  const added = await Promise.all(
    Array.from({ length: 100 }, (_, n) => server.accounts.add({ username: n % 2 ? 'Newbie' : 'newbie' })),
  )
  assert.equal(added.filter(({ ok }) => ok).length, 1)
})

test('attack: a user can’t change another’s account by any field of a form', async () => {
  const { server, browser, sub } = await start()
  const eve = await addUser(server, {
    username: 'eve',
    email: 'eve@example.com',
    password: 'three tall towers',
  })
  await signIn(browser, '/account', { username: 'eve', password: 'three tall towers', button: 'login' })
  await browser.submit(await browser.visit('/account/name'), { full_name: 'Evil', sub, username: 'dora' })
  assert.equal((await server.accounts.find(sub))?.claims.name, dora.claims.name)
  assert.equal((await server.accounts.find(eve))?.claims.name, 'Evil')
  const page = await browser.visit('/account/password')
  await browser.submit(page, { username: 'dora', sub, password: 'three tall towers', new_password: better })
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
  assert.equal((await tokensOf(server, 'eve', better)).status, 200)
})

test('attack: a change of address that a thief requested is invalid after a new password', async () => {
  const { server, browser: thief, sub } = await start()
  await signIn(thief, '/account', doraSignsIn)
  await thief.submit(await thief.visit('/account/email'), { email: 'thief@evil.example' })
  const { path, to } = await newestMail(server)
  assert.equal(to, 'thief@evil.example')
  const page = await thief.visit(path)
  assert.equal(page.status, 200)
  const owner = createBrowser(server)
  await owner.submit(await owner.visit(await ask(server)), { new_password: better })
  assert.ok((await thief.submit(page, {})).target.startsWith('/login'))
  // It is also refused for a session that signed in with the new password.
  await signIn(owner, '/account', { ...doraSignsIn, password: better })
  assert.equal((await owner.visit(path)).status, 400)
  assert.equal((await server.accounts.find(sub))?.email, dora.email)
})

for (const [what, change] of [
  [
    'a new password',
    async (server: TestServer, sub: string) =>
      server.accounts.setPassword((await server.accounts.find(sub))!, better),
  ],
  ['the user being disabled', (server: TestServer, sub: string) => server.accounts.setActive(sub, false)],
] as const) {
  test(`attack: a sign-in that waits for its second factor is invalid after ${what}`, async () => {
    const server = await createTestServer({ ...accountsWorld(), mfa: { mode: 'required' } })
    const sub = await addUser(server)
    const thief = createBrowser(server)
    const waiting = await signIn(thief, authorizePath(), doraSignsIn)
    assert.ok(waiting.target.startsWith('/mfa?'), waiting.target)
    const app = appOf(secretOn(waiting), server)
    await change(server, sub)
    const late = await thief.submit(waiting, { code: app.code(), button: 'enrol' })
    assert.ok(late.target.startsWith('/login?'), late.target)
    assert.ok(![...thief.cookies.keys()].some(name => name.includes('session')))
    assert.equal(await server.stores.totpSecrets.find(sub), undefined)
  })
}

test('attack: a victim can’t be tricked into confirming their address for a stranger’s account', async () => {
  const { server, browser, sub } = await start()
  await signIn(browser, '/account', doraSignsIn)
  await browser.submit(await browser.visit('/account/email'), { email: 'victim@example.com' })
  const { to, path } = await newestMail(server)
  assert.equal(to, 'victim@example.com')
  // The victim opens the link without a session, and with one.
  const victim = createBrowser(server)
  assert.ok((await victim.visit(path)).target.startsWith('/login'))
  await addUser(server, { username: 'vic', email: 'vic@example.com' })
  const vic = { username: 'vic', password: dora.password, button: 'login' }
  await signIn(victim, '/account', vic)
  const page = await victim.visit(path)
  assert.equal((await victim.submit(page, {})).status, 400)
  assert.equal(server.reason(), 'mail_link_of_another_account')
  assert.notEqual((await server.accounts.find(sub))?.email, 'victim@example.com')
})

test('reset: if the store fails, nothing has changed, and the link still works', async () => {
  const { server, browser, sub } = await start()
  await signIn(browser, '/account', doraSignsIn)
  const path = await ask(server)
  const owner = createBrowser(server)
  const page = await owner.visit(path)
  const { replace } = server.stores.storedUsers
  const away = () => Promise.reject(new StoreUnavailable('the process died here'))
  Object.assign(server.stores.storedUsers, { replace: away })
  assert.equal((await owner.submit(page, { new_password: better })).status, 503)
  assert.equal((await server.stores.sessions.ofUser(sub)).length, 1)
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
  Object.assign(server.stores.storedUsers, { replace })
  assert.match((await owner.submit(page, { new_password: better })).text, /Your password was changed/)
  assert.deepEqual(await server.stores.sessions.ofUser(sub), [])
})

test('attack: a mailbox gets five invitations in an hour, however its domain is spelled', async () => {
  const server = await createTestServer(accountsWorld({ sign_up: true, email_verification: 'required' }))
  const invite = async (email: string) => {
    const browser = createBrowser(server)
    return browser.submit(await browser.visit('/register'), { email })
  }
  for (let count = 0; count < 4; count++)
    for (const email of ['victim@b\u00fccher.example', 'Victim@xn--bcher-kva.example']) await invite(email)
  assert.equal((await server.mails()).length, 5)
  // Mail servers read these as bücher.example too, but nobody writes an address so.
  for (const domain of [
    'b\u00fccher\ufe00.example',
    'b\u00fc\u034fcher.example',
    'mail.b\u00fccher\u3002example',
  ]) {
    const { status } = await invite(`victim@${domain}`)
    assert.equal(status, 400, domain)
  }
  assert.equal((await server.mails()).length, 5)
})
