/** Attempts to sign others out, to redirect by the sign-out, and to forge its state. */

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { createBrowser, refreshOf } from '../support/browser.ts'
import { endSessionPath, logoutWorld, signInAt, startLogoutWorld } from '../support/logout-world.ts'
import { answerOf, assertErrorPage, authorizePath, bob, signIn } from '../support/sign-in.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'

const bye = 'https://app.example/bye'
type World = Awaited<ReturnType<typeof startLogoutWorld>>
const isSignedIn = async ({ browser }: Pick<World, 'browser'>) =>
  answerOf(await browser.visit(authorizePath({ prompt: 'none' }))).get('code') !== null

async function victim() {
  const world = await startLogoutWorld()
  return { ...world, tokens: await signInAt(world.server, world.browser, ['web', 'shop']) }
}

test("attack: a link without a hint, or with an attacker's own, does not sign out without confirmation", async () => {
  const world = await victim()
  const attacker = createBrowser(world.server)
  await signIn(attacker, authorizePath(), bob)
  const { web: theirs } = await signInAt(world.server, attacker, ['web'])
  const queries: readonly Record<string, string>[] = [
    {},
    { client_id: 'web', post_logout_redirect_uri: bye },
    { id_token_hint: theirs.id_token },
  ]
  for (const query of queries) {
    const page = await world.browser.visit(endSessionPath(query))
    assert.match(page.text, /Sign out\?/)
    assert.equal(await isSignedIn(world), true)
  }
})

test('attack: the confirmation can’t be posted from another site, or with the token of another browser', async () => {
  const world = await victim()
  const attacker = createBrowser(world.server)
  await signIn(attacker, authorizePath(), bob)
  const theirs = await attacker.visit('/logout')
  for (const form of [{ button: 'yes' }, { ...theirs.form?.fields, button: 'yes' }]) {
    const page = await world.browser.request('POST', '/logout', { form })
    assertErrorPage(page, 'invalid_request')
    assert.equal(world.server.reason(), 'csrf_token_wrong')
  }
  assert.equal(await isSignedIn(world), true)
})

test('attack: the sealed request can’t be modified, replaced by another kind, or used after an hour', async () => {
  const world = await victim()
  const sent = await world.browser.request(
    'GET',
    endSessionPath({ client_id: 'web', post_logout_redirect_uri: bye, state: 's' }),
  )
  const sealed = new URL(sent.location ?? '', 'https://id.example').searchParams.get('continue') ?? ''
  const [encrypted = '', proof = ''] = sealed.split('.')
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const { sid, sub } = claimsOf(world.tokens.web.id_token)
  const evil = encode({
    client_id: 'web',
    post_logout_redirect_uri: 'https://evil.example/',
    hint: { sub, sid },
  })
  const changed = (part: string): string => {
    const bytes = Buffer.from(part, 'base64url')
    bytes[0]! ^= 1
    return bytes.toString('base64url')
  }
  const login = await createBrowser(world.server).visit(authorizePath())
  const forgeries = [
    `${evil}.${proof}`,
    `${evil}.${createHmac('sha256', 'guess').update(`v1.${evil}`).digest('base64url')}`,
    `${changed(encrypted)}.${proof}`,
    `${encrypted}.${changed(proof)}`,
    `${encrypted}.${proof.slice(0, 20)}`,
    `${sealed}x`,
    `${encrypted}.`,
    'x',
    // Sealed by us, for the pages of a sign-in.
    login.form?.fields.continue ?? '',
  ]
  for (const forged of forgeries) {
    for (const path of ['/logout', '/logout/done']) {
      const page = await world.browser.request('GET', `${path}?continue=${encodeURIComponent(forged)}`)
      assertErrorPage(page, 'invalid_request')
      assert.equal(world.server.reason(), 'continuation_invalid')
    }
  }
  // A request is not a result: the page that redirects refuses it.
  assertErrorPage(await world.browser.request('GET', `/logout/done?continue=${sealed}`), 'invalid_request')
  assert.equal(await isSignedIn(world), true)
  world.server.clock.advance(3600)
  assertErrorPage(await world.browser.request('GET', `/logout?continue=${sealed}`), 'invalid_request')
})

test("attack: another issuer's ID token, and one of an unpublished key, are not accepted as hints", async () => {
  const world = await victim()
  const other = await createTestServer({ ...logoutWorld, issuer: 'https://evil.example' })
  const elsewhere = createBrowser(other)
  const { web: foreign } = await signInAt(other, elsewhere, ['web'])
  const { sid, sub, aud, iss } = claimsOf(world.tokens.web.id_token)
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const unsigned = `${encode({ alg: 'none', typ: 'JWT' })}.${encode({ iss, sub, aud, sid })}.`
  for (const id_token_hint of [foreign.id_token, unsigned]) {
    const page = await world.browser.visit(endSessionPath({ id_token_hint, post_logout_redirect_uri: bye }))
    assert.equal(world.server.reason(), 'id_token_hint_invalid')
    assert.match(page.text, /Sign out\?/)
    assert.equal(await isSignedIn(world), true)
  }
})

test('attack: state and URIs are unescaped in no header and no page', async () => {
  const world = await victim()
  const state = '"><script>alert(1)</script>\r\nset-cookie: a=b; url=https://evil.example'
  const page = await world.browser.visit(
    endSessionPath({ id_token_hint: world.tokens.web.id_token, post_logout_redirect_uri: bye, state }),
  )
  assert.doesNotMatch(page.body, /<script>alert/)
  const { url = '' } = refreshOf(page)
  assert.match(url, /^https:\/\/app\.example\/bye\?state=[\w%.+-]+$/)
  assert.equal(new URL(url).searchParams.get('state'), state)
})

test('attack: a hundred concurrent sign-outs end one session, and notify each client once', async () => {
  const world = await victim()
  const page = await world.browser.visit('/logout')
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, () =>
      world.browser.request('POST', '/logout', { form: { ...page.form?.fields, button: 'yes' } }),
    ),
  )
  assert.ok(outcomes.every(({ status }) => status === 303))
  await world.server.runLogouts()
  assert.equal(world.posts.length, 1)
  assert.equal(world.server.logged.filter(({ event }) => event === 'session_ended').length, 1)
})

test('attack: the pages of a sign-out can’t be framed, except the check session iframe', async () => {
  const world = await victim()
  for (const path of ['/logout', endSessionPath({ id_token_hint: world.tokens.web.id_token })]) {
    const { headers } = await world.browser.visit(path)
    assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/)
    assert.equal(headers['x-frame-options'], 'DENY')
  }
})

test('attack: the log of a sign-out contains no secrets', async () => {
  const world = await victim()
  const handle = world.browser.cookies.get('__Host-tessera_session')!
  await world.browser.visit(endSessionPath({ id_token_hint: world.tokens.web.id_token }))
  await world.server.runLogouts()
  const log = JSON.stringify(world.server.logged)
  assert.ok(log.includes('session_ended') && log.includes('logout_delivered'))
  for (const secret of [
    handle,
    world.tokens.web.id_token,
    new URLSearchParams(world.posts[0]?.request.body).get('logout_token')!,
  ])
    assert.ok(!log.includes(secret))
})
