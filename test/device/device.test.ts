import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, assertErrorPage, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'

const endpoint = '/connect/deviceauthorization'

async function start(client_id = 'tv') {
  const server = await createTestServer(pagesWorld)
  const { json } = await server.send('POST', endpoint, { form: { client_id } })
  return { server, browser: createBrowser(server), device: json as Record<string, string> }
}

const enter = async (browser: Browser, user_code: string): Promise<Page> =>
  browser.submit(await browser.visit('/device'), { user_code })

const statusOf = async ({ server, device }: Awaited<ReturnType<typeof start>>) =>
  (await server.stores.devices.find(hashHandle(device.device_code ?? '')))?.device.status

test('device authorization: the response has both codes, the address and the lifetime, and is not cached [RFC 8628 §3.2] [device-authz-005]', async () => {
  const server = await createTestServer(pagesWorld)
  const { status, json, headers } = await server.send('POST', endpoint, { form: { client_id: 'tv' } })
  assert.equal(status, 200)
  assert.match(String(headers['cache-control']), /no-store/)
  assert.match(json.device_code, /^td_[\w-]{52}$/)
  assert.match(json.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
  assert.equal(json.verification_uri, 'https://id.example/device')
  assert.equal(json.verification_uri_complete, `https://id.example/device?user_code=${json.user_code}`)
  assert.equal(json.expires_in, 300)
  assert.equal(json.interval, 5)
})

test('device authorization: five user codes that are taken are tried, then the client must try again', async () => {
  const server = await createTestServer(pagesWorld)
  let tries = 0
  Object.assign(server.stores.devices, { issue: async () => ++tries > 5 })
  const answer = await server.send('POST', endpoint, { form: { client_id: 'tv' } })
  assertRefused(answer, 'temporarily_unavailable', 'user_codes_exhausted')
  assert.deepEqual([answer.status, tries], [503, 5])
})

test('device authorization: the client sets lifetime and interval [device-authz-016]', async () => {
  const { device } = await start('radio')
  assert.equal(device.expires_in, 60)
  assert.equal(device.interval, 7)
})

test('device authorization: only hashes of the codes are stored', async () => {
  const { server, device } = await start()
  const stored = await server.stores.devices.find(hashHandle(device.device_code ?? ''))
  assert.equal(stored?.device.status, 'pending')
  const text = JSON.stringify(stored)
  assert.ok(!text.includes(device.device_code ?? '') && !text.includes(device.user_code ?? ''))
  // Thirty-four bits could be guessed, so the user code's hash is keyed.
  assert.notEqual(stored?.device.user_code_hash, hashHandle(device.user_code ?? ''))
})

const refusals: readonly (readonly [string, Record<string, string>, number, string])[] = [
  ['an unknown client [device-authz-004]', { client_id: 'nobody' }, 401, 'invalid_client'],
  ['a client without the device grant [device-authz-007]', { client_id: 'web' }, 400, 'unauthorized_client'],
  [
    'a scope that the client is not allowed [device-authz-008]',
    { client_id: 'tv', scope: 'api2' },
    400,
    'invalid_scope',
  ],
  ['an unknown scope [device-authz-009]', { client_id: 'tv', scope: 'nothing' }, 400, 'invalid_scope'],
  [
    'identity scopes without openid [device-authz-010]',
    { client_id: 'tv', scope: 'profile' },
    400,
    'invalid_scope',
  ],
  ['no scope from a client without scopes [device-authz-012]', { client_id: 'mute' }, 400, 'invalid_scope'],
]
for (const [what, form, status, error] of refusals) {
  test(`device authorization: ${what} is refused`, async () => {
    const server = await createTestServer(pagesWorld)
    const answer = await server.send('POST', endpoint, { form })
    assert.equal(answer.status, status)
    assert.equal(answer.json.error, error)
    assert.match(String(answer.headers['cache-control']), /no-store/)
  })
}

test('device authorization: without a scope it requests all that the client is allowed [device-authz-011]', async () => {
  for (const [client_id, scope] of [
    ['tv', ['api1', 'offline_access', 'openid', 'profile']],
    // The client has neither the refresh grant nor openid, so scopes that need them are omitted.
    ['radio', ['api1']],
  ] as const) {
    const { server, device } = await start(client_id)
    const stored = await server.stores.devices.find(hashHandle(device.device_code ?? ''))
    assert.deepEqual(stored?.device.scope, scope)
  }
})

test('device: a user enters the code, signs in, compares and agrees, and the device is approved [RFC 8628 §3.3]', async () => {
  const started = await start()
  const { server, browser, device } = started
  const login = await enter(browser, device.user_code ?? '')
  assert.ok(login.target.startsWith('/login'))
  assert.match(login.text, /to continue to Television/)
  const confirm = await browser.submit(login, alice)
  assert.match(confirm.text, /Connect Television\?/)
  assert.ok(confirm.text.includes(device.user_code ?? '-'))
  assert.match(confirm.text, /Read your <orders>/)
  assert.equal(await statusOf(started), 'pending')
  const posted = await browser.request('POST', '/device', {
    form: { ...confirm.form?.fields, ...confirm.form?.ticked, button: 'yes' },
  })
  assert.equal(posted.status, 303)
  assert.match((await browser.visit(posted.location ?? '')).text, /Device connected/)
  const stored = await server.stores.devices.find(hashHandle(device.device_code ?? ''))
  assert.equal(stored?.device.status, 'approved')
  assert.equal(stored?.authorization?.sub, '1')
  assert.deepEqual(stored?.authorization?.scope, ['api1', 'offline_access', 'openid', 'profile'])
})

test('device: unchecked scopes are not granted, required ones are, and clearing every box is a refusal', async () => {
  const confirming = async (client?: string) => {
    const started = await start(client)
    answerOf(await signIn(started.browser, authorizePath()))
    return { ...started, confirm: await enter(started.browser, started.device.user_code ?? '') }
  }
  const some = await confirming()
  assert.deepEqual(some.confirm.form?.ticked.scope, ['profile', 'api1', 'offline_access'])
  await some.browser.submit(some.confirm, { scope: ['profile', 'unasked'], button: 'yes' })
  const stored = await some.server.stores.devices.find(hashHandle(some.device.device_code ?? ''))
  assert.deepEqual(stored?.authorization?.scope, ['openid', 'profile'])
  const none = await confirming('radio')
  const refused = await none.browser.submit(none.confirm, { scope: ['offline_access'], button: 'yes' })
  assert.match(refused.text, /Device not connected/)
  assert.equal(await statusOf(none), 'denied')
})

test('device: a signed-in user goes straight to the confirmation, and can refuse', async () => {
  const started = await start()
  const { browser, device } = started
  answerOf(await signIn(browser, authorizePath()))
  const confirm = await enter(browser, device.user_code ?? '')
  assert.match(confirm.text, /Signed in as alice/)
  assert.match((await browser.submit(confirm, { button: 'no' })).text, /Device not connected/)
  assert.equal(await statusOf(started), 'denied')
})

test('device: a complete verification URI only fills in the code [RFC 8628 §3.3.1, §5.4]', async () => {
  const started = await start()
  const { browser, device } = started
  answerOf(await signIn(browser, authorizePath()))
  const page = await browser.visit(`/device?user_code=${device.user_code}`)
  assert.equal(page.form?.fields.user_code, device.user_code)
  assert.equal(await statusOf(started), 'pending')
  const confirm = await browser.submit(page, {})
  assert.match(confirm.text, /Connect Television\?/)
  await browser.submit(confirm, { button: 'yes' })
  assert.equal(await statusOf(started), 'approved')
})

test('device: case and separators of a typed code do not matter [RFC 8628 §6.1]', async () => {
  const { browser, device } = await start()
  const letters = (device.user_code ?? '').replace('-', '')
  for (const typed of [
    letters.toLowerCase(),
    ` ${letters.slice(0, 2)} ${letters.slice(2)} `,
    `${letters.slice(0, 4)}–${letters.slice(4)}`,
  ]) {
    assert.ok((await enter(browser, typed)).target.startsWith('/login'), typed)
  }
})

test('device: a wrong code gets an error, and guesses are limited [RFC 8628 §5.1]', async () => {
  const { server, browser, device } = await start()
  for (let guess = 0; guess < 10; guess++) {
    const page = await enter(createBrowser(server), 'BBBB-BBBB')
    assert.equal(page.status, 400)
    assert.match(page.body, /role="alert"/)
  }
  const limited = await enter(browser, device.user_code ?? '')
  assert.equal(limited.status, 429)
  assert.equal(limited.headers['retry-after'], '600')
  server.clock.advance(600)
  const { json } = await server.send('POST', endpoint, { form: { client_id: 'tv' } })
  assert.ok((await enter(browser, json.user_code)).target.startsWith('/login'))
})

test('device: an entered code is escaped on the page', async () => {
  const { browser } = await start()
  const page = await browser.visit(`/device?user_code=${encodeURIComponent('"><script>1</script>')}`)
  assert.equal(page.form?.fields.user_code, '"><script>1</script>')
  assert.doesNotMatch(page.body, /<script/)
})

test('device: an expired code is refused when entered and when confirmed', async () => {
  const started = await start('radio')
  const { server, browser, device } = started
  answerOf(await signIn(browser, authorizePath()))
  const confirm = await enter(browser, device.user_code ?? '')
  server.clock.advance(60)
  assert.equal((await enter(browser, device.user_code ?? '')).status, 400)
  assert.match((await browser.submit(confirm, { button: 'yes' })).text, /no longer valid/)
  assert.equal(await statusOf(started), 'pending')
})

test('device: a response counts once', async () => {
  const started = await start()
  const { browser, device } = started
  answerOf(await signIn(browser, authorizePath()))
  const confirm = await enter(browser, device.user_code ?? '')
  await browser.submit(confirm, { button: 'no' })
  assert.match((await browser.submit(confirm, { button: 'yes' })).text, /no longer valid/)
  assert.equal(await statusOf(started), 'denied')
})

for (const button of ['yes', 'no'])
  test(`device: a response (${button}) that comes after another is reported as too late`, async () => {
    const started = await start()
    const { server, browser, device } = started
    answerOf(await signIn(browser, authorizePath()))
    const confirm = await enter(browser, device.user_code ?? '')
    const { devices } = server.stores
    const { approve, deny } = devices
    const hash = (await devices.find(hashHandle(device.device_code ?? '')))?.device.user_code_hash
    const overtake = () => deny(hash!, server.clock.now())
    Object.assign(devices, {
      approve: (...given: Parameters<typeof approve>) => overtake().then(() => approve(...given)),
      deny: (...given: Parameters<typeof deny>) => overtake().then(() => deny(...given)),
    })
    const page = await browser.submit(confirm, { button })
    assert.match(page.text, /no longer valid/)
    assert.equal(await statusOf(started), 'denied')
    const outcomes = server.logged.map(({ event }) => event).filter(event => event.startsWith('device_'))
    assert.equal(outcomes.at(-1), 'device_gone')
  })

test('device: tampering with the confirmation approves nothing', async () => {
  const started = await start()
  const { browser, device } = started
  answerOf(await signIn(browser, authorizePath()))
  const confirm = await enter(browser, device.user_code ?? '')
  const sealed = confirm.form?.fields.continue ?? ''
  const changes: readonly Record<string, string>[] = [
    { continue: `${sealed}x` },
    { continue: 'x' },
    { csrf: '' },
    { csrf: 'x' },
    { button: 'maybe' },
    { button: '' },
  ]
  for (const changed of changes) {
    assertErrorPage(await browser.submit(confirm, { button: 'yes', ...changed }), 'invalid_request')
  }
  // Without a continuation the page is the form for the code, which approves nothing either.
  assert.equal((await browser.submit(confirm, { button: 'yes', continue: '' })).status, 400)
  assert.equal(await statusOf(started), 'pending')
})

test('device: a response counts only for the user who was asked', async () => {
  const started = await start()
  const { browser, device } = started
  answerOf(await signIn(browser, authorizePath()))
  const confirm = await enter(browser, device.user_code ?? '')
  answerOf(
    await signIn(browser, authorizePath({ prompt: 'login' }), { username: 'bob', password: 'builder' }),
  )
  const after = await browser.submit(confirm, { button: 'yes' })
  assert.match(after.text, /Signed in as bob/)
  assert.equal(await statusOf(started), 'pending')
})

test('device: skipping the sign-in leads back to it', async () => {
  const started = await start()
  const { browser, device } = started
  const login = await enter(browser, device.user_code ?? '')
  const skipped = await browser.visit(login.target.replace('/login', '/device'))
  assert.ok(skipped.target.startsWith('/login'))
  assertErrorPage(
    await browser.visit(login.target.replace('/login', '/connect/authorize/callback')),
    'invalid_request',
  )
})

test('device: cancelling the sign-in leads back to the start and leaves the device waiting', async () => {
  const started = await start()
  const { browser, device } = started
  const login = await enter(browser, device.user_code ?? '')
  const page = await browser.submit(login, { button: 'cancel' })
  assert.match(page.text, /Connect a device/)
  assert.equal(await statusOf(started), 'pending')
})

test('device authorization: a resource limits what the user approves, and an unknown one is refused [RFC 8707 §2]', async () => {
  const other = { name: 'urn:other', scopes: ['api1'] }
  const server = await createTestServer({
    ...pagesWorld,
    api_resources: [...pagesWorld.api_resources, other],
  })
  const ask = (resource: string) =>
    server.send('POST', endpoint, { form: { client_id: 'tv', scope: 'openid api1', resource } })
  for (const [resource, reason] of [
    ['urn:nowhere', 'resource_unknown'],
    ['api', 'resource_malformed'],
    [`urn:${'x'.repeat(509)}`, 'parameter_too_long'],
  ] as const)
    assertRefused(await ask(resource), 'invalid_target', reason)
  const { json: device } = await ask('urn:api')
  const browser = createBrowser(server)
  const confirm = await browser.submit(await enter(browser, device.user_code), alice)
  await browser.submit(confirm, { button: 'yes' })
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  const poll = (more: object = {}) =>
    server.token({ grant_type, client_id: 'tv', device_code: device.device_code, ...more })
  assertRefused(await poll({ resource: 'urn:other' }), 'invalid_target', 'resource_not_agreed')
  assert.equal(claimsOf((await poll()).json.access_token).aud, 'urn:api')
})
