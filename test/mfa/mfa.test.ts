import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { appOf, enrolApp, finishEnrolment, methodHref, secretOn } from '../support/factors.ts'
import { alice, answerOf, authorizePath, pagesWorld, redeem, signIn } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer, startOfTime } from '../support/tessera.ts'

const required = { ...pagesWorld, mfa: { mode: 'required' } }

async function start(input: object = required) {
  const server = await createTestServer(input)
  return { server, browser: createBrowser(server) }
}

test('mfa: a user without a required factor sets up an app, gets ten codes and is signed in', async () => {
  const { server, browser } = await start()
  const { page } = await enrolApp(server, browser, authorizePath())
  const claims = await redeem(server, page)
  assert.deepEqual([claims.acr, claims.amr], ['2', ['pwd', 'otp', 'mfa']])
})

test('mfa: a correct password leads to the code, and the code signs in', async () => {
  const { server, browser } = await start()
  const { app } = await enrolApp(server, browser, authorizePath())
  server.clock.advance(60)
  const other = createBrowser(server)
  const asked = await signIn(other, authorizePath(), alice)
  assert.ok(asked.target.startsWith('/mfa?'), asked.target)
  assert.ok(!other.cookies.has('__Host-tessera_session'))
  const page = await other.submit(asked, { code: app.code(), button: 'verify' })
  const claims = await redeem(server, page)
  assert.deepEqual([claims.acr, claims.amr], ['2', ['pwd', 'otp', 'mfa']])
})

test('mfa: a recovery code replaces the app once, and the next sign-in needs another', async () => {
  const { server, browser } = await start()
  const { codes } = await enrolApp(server, browser, authorizePath())
  const byCode = async (code: string) => {
    const other = createBrowser(server)
    const asked = await signIn(other, authorizePath())
    const chosen = await other.visit(methodHref(asked, 'recovery_code'))
    return other.submit(chosen, { code, button: 'verify' })
  }
  const typed = (codes[0] ?? '').toLowerCase().replace('-', ' ')
  const claims = await redeem(server, await byCode(typed))
  assert.deepEqual([claims.acr, claims.amr], ['2', ['pwd', 'otp', 'mfa']])
  const again = await byCode(codes[0] ?? '')
  assert.equal(again.status, 400)
  assert.match(again.text, /wrong, or it was used before/)
  assert.equal(server.reason(), 'recovery_code_wrong')
  answerOf(await byCode(codes[1] ?? ''))
})

test('mfa: a code signs in once; the code of the next step does too [RFC 6238 §5.2]', async () => {
  const { server, browser } = await start()
  const { app } = await enrolApp(server, browser, authorizePath())
  const other = createBrowser(server)
  const asked = await signIn(other, authorizePath())
  const replayed = await other.submit(asked, { code: app.code(), button: 'verify' })
  assert.equal(replayed.status, 400)
  assert.match(replayed.text, /used before/)
  assert.equal(server.reason(), 'totp_used')
  server.clock.advance(30)
  answerOf(await other.submit(replayed, { code: app.code(), button: 'verify' }))
})

test('mfa: an application that requires more asks a signed-in user only for the second factor [RFC 9470 §5]', async () => {
  const { server, browser } = await start({ ...pagesWorld, mfa: { mode: 'if_enrolled' } })
  const first = await redeem(server, await signIn(browser, authorizePath()))
  assert.deepEqual([first.acr, first.amr], ['1', ['pwd']])
  const handle = browser.cookies.get('__Host-tessera_session')

  // A user without one sets one up.
  const asked = await browser.visit(authorizePath({ acr_values: '2' }))
  assert.ok(asked.target.startsWith('/mfa?'))
  const { app, page } = await finishEnrolment(server, browser, asked)
  const stepped = await redeem(server, page)
  assert.deepEqual([stepped.acr, stepped.amr], ['2', ['pwd', 'otp', 'mfa']])
  assert.equal(stepped.sid, first.sid)
  assert.equal(stepped.auth_time, first.auth_time)
  assert.notEqual(browser.cookies.get('__Host-tessera_session'), handle)
  const old = createBrowser(server)
  old.cookies.set('__Host-tessera_session', handle ?? '')
  assert.equal(answerOf(await old.visit(authorizePath({ prompt: 'none' }))).get('error'), 'login_required')
  // The session keeps the acr it reached.
  answerOf(await browser.visit(authorizePath({ acr_values: '2', prompt: 'none' })))
  assert.ok(app)
})

test('mfa: a session that gains a factor lasts as long as the user chose when it began', async () => {
  const kept = { keep_signed_in: true, keep_signed_in_lifetime: 864_000 }
  for (const [choice, maxAge] of [
    [{}, undefined],
    [{ keep_signed_in: 'yes' }, '864000'],
  ] as const) {
    const { server, browser } = await start({ ...pagesWorld, mfa: { mode: 'if_enrolled' }, sessions: kept })
    answerOf(await signIn(browser, authorizePath(), { ...alice, ...choice }))
    const asked = await browser.visit(authorizePath({ acr_values: '2' }))
    const { headers } = await browser.submit(asked, {
      code: appOf(secretOn(asked), server).code(),
      button: 'enrol',
    })
    const line = [headers['set-cookie'] ?? []].flat().find(text => text.includes('tessera_session'))
    assert.ok(line)
    assert.equal(/Max-Age=(\d+)/.exec(line)?.[1], maxAge)
  }
})

test('mfa: the first acr value that is met is returned, and a second factor is required only if none is met', async () => {
  const { server, browser } = await start()
  const { page } = await enrolApp(server, browser, authorizePath())
  assert.equal((await redeem(server, page)).acr, '2')
  const answered = async (acr_values: string) =>
    (await redeem(server, await browser.visit(authorizePath({ acr_values })))).acr
  assert.equal(await answered('1'), '1')
  assert.equal(await answered('urn:unknown 2 1'), '2')
  assert.equal(await answered('phr 1'), '1')
  assert.equal(await answered('urn:unknown'), '2')
})

test('mfa: a missing second factor without a page is interaction_required', async () => {
  const { server, browser } = await start(pagesWorld)
  answerOf(await signIn(browser, authorizePath()))
  const answer = answerOf(await browser.visit(authorizePath({ prompt: 'none', acr_values: '2' })))
  assert.equal(answer.get('error'), 'interaction_required')
  assert.equal(server.reason(), 'second_factor_required')
})

test('mfa: cancelling returns an error to the client and does not sign in', async () => {
  const { server, browser } = await start()
  const asked = await signIn(browser, authorizePath())
  const answer = answerOf(await browser.submit(asked, { button: 'cancel' }))
  assert.equal(answer.get('error'), 'access_denied')
  assert.deepEqual(
    [...browser.cookies.keys()].filter(name => /session|pending/.test(name)),
    [],
  )
  assert.ok(server)
})

test('mfa: a client’s policy applies to its users, and an existing session must add what it lacks', async () => {
  const clients = pagesWorld.clients.map(client =>
    client.client_id === 'web' ? { ...client, mfa: { mode: 'required' } } : client,
  )
  const { server, browser } = await start({ ...pagesWorld, clients })
  answerOf(await signIn(browser, authorizePath({ client_id: 'acmeonly' })))
  const asked = await browser.visit(authorizePath())
  assert.ok(asked.target.startsWith('/mfa?'), asked.target)
  const { page } = await finishEnrolment(server, browser, asked)
  assert.equal((await redeem(server, page)).acr, '2')
})

test('mfa: a tenant’s policy applies only to its users', async () => {
  const tenants = [{ name: 'acme', mfa: { mode: 'required' } }, { name: 'globex' }]
  const { browser } = await start({ ...pagesWorld, tenants })
  const carol = { username: 'carol', password: 'carol', button: 'login' }
  const asked = await signIn(browser, authorizePath({ acr_values: 'tenant:acme' }), carol)
  assert.match(asked.text, /needs a second step/)
  const other = createBrowser((await start({ ...pagesWorld, tenants })).server)
  answerOf(await signIn(other, authorizePath()))
})

test('mfa: a module decides last on each sign-in', async () => {
  const seen: unknown[] = []
  const { browser } = await start({
    ...pagesWorld,
    mfaPolicy: (request: { sub: string }) => {
      seen.push(request)
      return request.sub === '2' ? { mode: 'required' } : undefined
    },
  })
  answerOf(await signIn(browser, authorizePath()))
  assert.deepEqual(seen[0], { sub: '1', idp: 'local', amr: ['pwd'], client_id: 'web' })
  const { server } = await start({ ...pagesWorld, mfaPolicy: async () => ({ mode: 'required' }) })
  assert.match((await signIn(createBrowser(server), authorizePath())).text, /needs a second step/)
})

test('mfa: the same policy applies to federated users', async () => {
  const { server, browser } = await start()
  const login = await browser.visit(authorizePath({ acr_values: 'idp:directory' }))
  const asked = await browser.submit(login, { username: 'dora', password: 'staff', button: 'login' })
  const { page } = await finishEnrolment(server, browser, asked)
  const claims = await redeem(server, page)
  assert.equal(claims.acr, '2')
  // The ID token contains the provider only if the client requests it.
  assert.ok(server.logged.some(({ event, idp }) => event === 'signed_in' && idp === 'directory'))
})

test('mfa: when disabled, it is neither required, offered nor announced', async () => {
  const { server, browser } = await start({ ...pagesWorld, mfa: { mode: 'off' } })
  const claims = await redeem(server, await signIn(browser, authorizePath({ acr_values: '2' })))
  assert.equal(claims.acr, '1')
  const { json } = await server.send('GET', '/.well-known/openid-configuration')
  assert.deepEqual(json.acr_values_supported, ['1'])
  const on = (await start()).server
  const announced = (await on.send('GET', '/.well-known/openid-configuration')).json
  assert.deepEqual(announced.acr_values_supported, ['1', '2', 'phr'])
})

test('mfa: a browser is remembered for the configured time, unless more is required or a factor changes', async () => {
  const { server, browser } = await start({
    ...pagesWorld,
    mfa: { mode: 'required', remember_browser_days: 7 },
  })
  const { app } = await enrolApp(server, browser, authorizePath())
  const again = { prompt: 'login' }
  server.clock.advance(60)
  const asked = await signIn(browser, authorizePath(again))
  assert.match(asked.text, /Don’t ask again in this browser for 7 days/)
  answerOf(await browser.submit(asked, { code: app.code(), remember: 'yes', button: 'verify' }))
  server.clock.advance(7 * 86_400 - 1)
  const claims = await redeem(server, await signIn(browser, authorizePath(again)))
  assert.deepEqual([claims.acr, claims.amr], ['1', ['pwd']])
  const more = await browser.visit(authorizePath({ acr_values: '2' }))
  assert.ok(more.target.startsWith('/mfa?'), 'a request is not spared')
  const stranger = createBrowser(server)
  stranger.cookies.set('__Host-tessera_browser', browser.cookies.get('__Host-tessera_browser') ?? '')
  const bob = await signIn(stranger, authorizePath(), {
    username: 'bob',
    password: 'builder',
    button: 'login',
  })
  assert.ok(bob.target.startsWith('/mfa?'), 'another user is not spared')
  server.clock.advance(1)
  assert.ok((await signIn(browser, authorizePath(again))).target.startsWith('/mfa?'))
})

test('mfa: setting up a factor requires a sign-in within ten minutes', async () => {
  const { server, browser } = await start(pagesWorld)
  answerOf(await signIn(browser, authorizePath()))
  server.clock.advance(601)
  const login = await browser.visit(authorizePath({ acr_values: '2' }))
  assert.ok(login.target.startsWith('/login?'), login.target)
  const { page } = await finishEnrolment(server, browser, await browser.submit(login, alice))
  assert.equal((await redeem(server, page)).acr, '2')
})

test('mfa: a wrong first code shows the same secret again', async () => {
  const { server, browser } = await start()
  const asked = await signIn(browser, authorizePath())
  const refused = await browser.submit(asked, { code: '000000', button: 'enrol' })
  assert.equal(refused.status, 400)
  assert.equal(server.reason(), 'totp_wrong')
  assert.equal(secretOn(refused), secretOn(asked))
  await finishEnrolment(server, browser, refused)
})

test('mfa: the pages work without scripts, load nothing from other origins and have no inline style', async () => {
  const { browser } = await start()
  const asked = await signIn(browser, authorizePath())
  assert.match(asked.body, /<img src="data:image\/svg\+xml;base64,/)
  const byKey = await browser.visit(methodHref(asked, 'passkey'))
  assert.match(byKey.text, /Passkeys need JavaScript/)
  for (const page of [asked, byKey]) {
    assert.doesNotMatch(page.body, / style=| on\w+=|src="http/)
    assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
  }
  assert.doesNotMatch(String(asked.headers['content-security-policy']), /script-src/)
  assert.match(String(byKey.headers['content-security-policy']), /script-src 'self';/)
})

test('mfa: a device is approved after the second factor', async () => {
  const { server, browser } = await start()
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } })
  const entered = await browser.submit(await browser.visit('/device'), { user_code: json.user_code })
  const { page } = await finishEnrolment(server, browser, await browser.submit(entered, alice))
  assert.match((await browser.submit(page, { button: 'yes' })).text, /Device connected/)
})

test('mfa: the account pages require a second factor of a session that lacks it', async () => {
  const clients = pagesWorld.clients.map(client =>
    client.client_id === 'acmeonly' ? { ...client, mfa: { mode: 'off' } } : client,
  )
  const { server, browser } = await start({ ...required, clients })
  answerOf(await signIn(browser, authorizePath({ client_id: 'acmeonly' })))
  const asked = await browser.visit('/account')
  assert.ok(asked.target.startsWith('/mfa?'), asked.target)
  const { page } = await finishEnrolment(server, browser, asked)
  assert.equal(page.target, '/account')
})

test('mfa: factors and used codes survive a restart', async () => {
  const { open } = await beginShared()
  const run = async () => {
    const tenantStores = await open()
    const server = await createTestServer(required, { tenantStores })
    return { server, browser: createBrowser(server), end: tenantStores.close }
  }
  const before = await run()
  const { app, codes } = await enrolApp(before.server, before.browser, authorizePath())
  await before.end()
  const after = await run()
  const asked = await signIn(after.browser, authorizePath())
  const replayed = await after.browser.submit(asked, { code: app.code(startOfTime), button: 'verify' })
  assert.equal(after.server.reason(), 'totp_used')
  const page = await after.browser.visit(methodHref(replayed, 'recovery_code'))
  assert.equal(
    (await redeem(after.server, await after.browser.submit(page, { code: codes[9] ?? '', button: 'verify' })))
      .acr,
    '2',
  )
  after.server.clock.advance(60)
  const again = createBrowser(after.server)
  const code = app.code(after.server.clock.now())
  answerOf(await again.submit(await signIn(again, authorizePath()), { code, button: 'verify' }))
})

test('mfa: a provider that verified two factors itself is trusted', async () => {
  const check = ({ username }: { username: string }) =>
    ({ ok: true, sub: username, amr: ['pwd', 'mfa'] }) as const
  const identity_providers = [{ name: 'directory', type: 'directory', credentialAuthority: { check } }]
  const clients = pagesWorld.clients.filter(({ client_id }) => client_id === 'web')
  const { server, browser } = await start({ ...required, identity_providers, clients })
  const login = await browser.visit(authorizePath({ acr_values: 'idp:directory' }))
  const dora = { username: 'dora', password: 'x', button: 'login' }
  const claims = await redeem(server, await browser.submit(login, dora))
  assert.deepEqual([claims.acr, claims.amr], ['2', ['pwd', 'mfa']])
})

test('mfa: a lax client’s request can’t complete a partial sign-in for a strict client', async () => {
  const clients = pagesWorld.clients.map(client =>
    client.client_id === 'acmeonly' ? { ...client, mfa: { mode: 'off' } } : client,
  )
  const { server, browser } = await start({ ...required, clients })
  await enrolApp(server, browser, authorizePath())
  const other = createBrowser(server)
  const asked = await signIn(other, authorizePath())
  assert.ok(asked.target.startsWith('/mfa?'))
  const lax = await createBrowser(server).visit(authorizePath({ client_id: 'acmeonly' }))
  answerOf(await other.visit(`/mfa?continue=${lax.form?.fields.continue}`))
  const silent = answerOf(await other.visit(authorizePath({ prompt: 'none' })))
  assert.equal(silent.get('error'), 'interaction_required')
})
