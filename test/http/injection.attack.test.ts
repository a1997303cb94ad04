/**
 * Texts of operators, clients, users, providers and links: pages, headers and mails contain them only as escaped text.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, newestMail } from '../support/accounts.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { authorizePath, callback, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer } from '../support/tessera.ts'
import { federatedWorld, startFederated, startForeignProvider, visitProvider } from '../support/upstream.ts'

/** Would break out of an element, an attribute in either quotes, a script or a comment. */
const evil = `"'></script></title>--><img src=x onerror=alert(1)>&lt;`
const broken = /<img[ /]src=x|onerror=alert\(1\)>|<\/script><\/title>/

const evilPath = `?"'><img/src=x/onerror=alert(1)>`

/** @param below The first status that must not occur. */
function assertText(page: Page, what = page.target, below = 500): void {
  assert.ok(page.status < below, `${what}: ${page.status}`)
  assert.doesNotMatch(page.body, broken, what)
  for (const [name, value] of Object.entries(page.headers))
    for (const line of [value].flat()) assert.match(String(line), /^[\x20-\x7E]*$/, `${what}: ${name}`)
  for (const [, href = ''] of page.body.matchAll(/\b(?:href|src|action)="([^"]*)"/g))
    assert.match(href, /^(https:|\/|#|data:image\/svg)/, `${what}: ${href}`)
}

const hostile = {
  ...pagesWorld,
  mail: { from: 'login@id.example', smtp: { host: 'mail.id.example' } },
  accounts: { sign_up: true },
  mfa: { mode: 'if_enrolled', methods: ['totp', 'passkey'] },
  branding: { name: evil, support_url: `https://id.example/${evilPath}` },
  api_scopes: [{ name: 'api1', display_name: evil, description: evil }],
  api_resources: [],
  identity_providers: [
    { name: 'corp', display_name: evil, type: 'oidc', issuer: 'https://corp.example', client_id: 'x' },
  ],
  users: [{ sub: '1', username: evil, password: 'p', claims: { name: evil, email: evil } }],
  clients: [
    {
      client_id: 'web',
      client_name: evil,
      client_uri: `https://app.example/${evilPath}`,
      logo_uri: `https://app.example/${evilPath}`,
      policy_uri: `https://app.example/${evilPath}`,
      tos_uri: `https://app.example/${evilPath}`,
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
      redirect_uris: [callback],
      post_logout_redirect_uris: ['https://app.example/bye'],
      initiate_login_uri: 'https://app.example/start',
      require_consent: true,
      scope: 'openid profile api1',
    },
  ],
}

const me = { username: evil, password: 'p', button: 'login' }

test('injection: names, pictures, links and claims of operators, clients and users are escaped on every page', async () => {
  const server = await createTestServer(hostile)
  const browser = createBrowser(server)
  const seen: Page[] = []
  const visit = async (target: string) => {
    seen.push(await browser.visit(target))
    return seen.at(-1)!
  }
  await visit(authorizePath())
  seen.push(await signIn(browser, authorizePath(), { ...me, password: 'wrong' }))
  const consent = await signIn(browser, authorizePath(), me)
  assert.match(consent.text, /<img src=x onerror=alert\(1\)>/)
  seen.push(consent)
  const posted = authorizePath({ response_mode: 'form_post', state: evil })
  seen.push(await browser.submit(await visit(posted), { button: 'yes', scope: 'profile' }))
  assert.equal(seen.at(-1)?.form?.fields.state, evil)
  for (const path of [
    '',
    '/security',
    '/security?add=totp',
    '/security?add=passkey',
    '/sessions',
    '/connections',
    '/consents',
  ])
    await visit(`/account${path}`)
  await visit(authorizePath({ prompt: 'select_account' }))
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'web' } })
  seen.push(await browser.submit(await visit('/device'), { user_code: json.user_code }))
  const out = await visit(
    `/connect/endsession?client_id=web&post_logout_redirect_uri=https://app.example/bye`,
  )
  seen.push(out, await browser.submit(out, { button: 'no' }))
  for (const page of seen) assertText(page)
})

test('injection: values from a link are text on the page that it leads to', async () => {
  const server = await createTestServer(hostile)
  const browser = createBrowser(server)
  const text = encodeURIComponent(evil)
  const lines = encodeURIComponent('x\r\nset-cookie: a=b\r\n\r\n<script>')
  for (const bad of [text, lines])
    for (const target of [
      ...['state', 'login_hint', 'nonce', 'ui_locales', 'acr_values', 'claims', 'prompt', 'scope'].map(
        name => `${authorizePath({ [name]: undefined })}&${name}=${bad}`,
      ),
      `${authorizePath({ redirect_uri: undefined })}&redirect_uri=${bad}`,
      `${authorizePath({ client_id: undefined })}&client_id=${bad}`,
      `${authorizePath()}&${bad}=${bad}`,
      `/device?user_code=${bad}`,
      `/login?continue=${bad}`,
      `/login?lang=${bad}`,
      `/password/forgotten?username=${bad}&lang=${bad}`,
      `/register?login_hint=${bad}`,
      `/register/complete?link=${bad}`,
      `/account?tenant=${bad}`,
      `/account/security?add=${bad}`,
      `/connect/endsession?state=${bad}&client_id=${bad}&ui_locales=${bad}&post_logout_redirect_uri=${bad}`,
      `/connect/endsession?client_id=web&post_logout_redirect_uri=https://app.example/bye&state=${bad}`,
      `/logout/done?continue=${bad}`,
      `/federation/callback/corp?state=${bad}&error=${bad}&error_description=${bad}`,
      `/mfa?continue=${bad}&method=${bad}`,
    ]) {
      const page = await browser.visit(target)
      assertText(page, target)
      assert.match(page.location ?? 'https://app.example/', /^https:\/\/app\.example\//)
    }
})

test('injection: values that users enter are text when shown again, and are in no header of a mail', async () => {
  const server = await createTestServer(hostile)
  const browser = createBrowser(server)
  await addUser(server, { claims: { name: evil } })
  for (const typed of [
    evil,
    'a@b.example\r\nbcc: c@d.example',
    'a@b.example,c@d.example',
    'A <a@b.example>',
    'a@b.example;c@d.example',
  ])
    for (const [path, name] of [
      ['/register', 'email'],
      ['/password/forgotten', 'username'],
      ['/device', 'user_code'],
    ] as const)
      assertText(await browser.submit(await browser.visit(path), { [name]: typed }), `${path} ${typed}`)
  assert.deepEqual(await server.mails(), [])
  await browser.submit(await browser.visit('/password/forgotten'), { username: 'dora' })
  const mail = await newestMail(server)
  assert.deepEqual([mail.to, /[\r\n]/.test(mail.subject)], ['dora@example.com', false])
  assert.ok(mail.link?.startsWith(`${issuer}/password/reset?link=`))
  for (const part of [mail.html, mail.text, mail.subject]) assert.doesNotMatch(part, broken)
})

test('injection: links in mails use the issuer, whatever host a request names', async () => {
  const server = await createTestServer(hostile)
  await addUser(server)
  const browser = createBrowser(server)
  const page = await browser.visit('/password/forgotten')
  await browser.request('POST', '/password/forgotten', {
    form: { ...page.form?.fields, username: 'dora' },
    headers: {
      ...{ host: 'evil.example', 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
      cookie: [...browser.cookies].map(pair => pair.join('=')).join('; '),
    },
  })
  const [mail] = await server.mails()
  assert.ok(mail)
  assert.doesNotMatch(JSON.stringify(mail), /evil/)
})

test('injection: a provider’s claims and errors are text', async () => {
  const provider = await startForeignProvider()
  try {
    provider.claims = { sub: 'ada', name: evil, preferred_username: evil, email: evil, email_verified: true }
    const { browser } = await startFederated(federatedWorld(provider, { display_name: evil }))
    const asking = authorizePath({
      acr_values: 'idp:corp',
      client_id: 'asking',
      scope: 'openid profile api1',
    })
    const consent = await browser.visit(await visitProvider(await browser.visit(asking)))
    assert.match(consent.text, /<img src=x/)
    assertText(consent)
    for (const path of ['/account', '/account/connections', '/account/security'])
      assertText(await browser.visit(path))
    const away = new URL(
      await visitProvider(await browser.visit(authorizePath({ acr_values: 'idp:corp', prompt: 'login' }))),
      issuer,
    )
    away.searchParams.delete('code')
    away.searchParams.set('error', evil.slice(0, 100))
    away.searchParams.set('error_description', evil)
    const problem = await browser.visit(away.pathname + away.search)
    assert.equal(problem.status, 502)
    assertText(problem, 'problem', 503)
  } finally {
    await provider.close()
  }
})

test('injection: addresses of a client must be web addresses, and can’t widen a page’s policy', async () => {
  const names = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'initiate_login_uri']
  const addresses = [
    [
      'javascript:alert(1)',
      'data:text/html,x',
      'JaVaScRiPt://app.example/%0aalert(1)',
      '//app.example',
      'https:app',
    ],
    [
      'https://app.example;script-src/',
      'https://a,b.example/',
      'https://*.example/',
      "https://'self'/",
      'https://a"b/',
    ],
    [
      'https://app.example\\@evil.example/',
      'https://user@app.example/',
      ' https://app.example/',
      'https://app.example/\nx',
    ],
  ]
  const registering = {
    ...pagesWorld,
    registration: { mode: 'open', allowed_scope: 'openid', allowed_grant_types: ['authorization_code'] },
  }
  const server = await createTestServer(registering)
  const register = (metadata: object) => {
    // The limit of registrations is tested elsewhere.
    server.clock.advance(86_400)
    return server.send('POST', '/connect/register', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [callback], ...metadata }),
    })
  }
  const assertNotRegistered = async (metadata: object, member: string) => {
    const { status, json } = await register(metadata)
    const about = JSON.stringify(metadata)
    if (status === 201) assert.equal(json[member], undefined, about)
    else assert.equal(status, 400, about)
  }
  assert.equal((await register({ logo_uri: 'https://app.example/logo.png' })).status, 201)
  for (const name of ['\u202Eknab ruoy\u202C', 'Bank\u2067', 'Bank\0', 'Bank\u001B[2J'])
    for (const field of ['client_name', 'client_name#de']) await assertNotRegistered({ [field]: name }, field)
  for (const name of ['بنك', 'Bank\u200D', '銀行'])
    assert.equal((await register({ client_name: name })).status, 201, JSON.stringify(name))
  for (const address of addresses.flat()) {
    for (const name of names) await assertNotRegistered({ [name]: address }, name)
    for (const changes of [{ redirect_uris: [address] }, { frontchannel_logout_uri: address }])
      assert.equal((await register(changes)).status, 400, JSON.stringify(changes))
    const rest = { redirect_uris: [callback, address], post_logout_redirect_uris: [address] }
    const { status, json } = await register(rest)
    assert.deepEqual(
      [status, json.redirect_uris, json.post_logout_redirect_uris],
      [201, [callback], []],
      address,
    )
  }
})
