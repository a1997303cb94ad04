import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { createBrowser, type Page } from '../support/browser.ts'
import { answerOf, assertErrorPage, authorizePath } from '../support/sign-in.ts'
import { issuer, type TestServer } from '../support/tessera.ts'
import {
  federatedWorld,
  foreignProvider,
  signInByProvider,
  startFederated,
  subOf,
  visitProvider,
} from '../support/upstream.ts'

const provider = foreignProvider({ sub: 'ada' })
const evil = foreignProvider({ sub: 'ada' })

const atCorp = authorizePath({ acr_values: 'idp:corp' })
const world = () =>
  federatedWorld(provider, { client_secret: 'the-secret-there' }, [
    { name: 'evil', type: 'oidc', issuer: evil.issuer, client_id: 'tessera' },
  ])

const signedIn = (server: TestServer) => server.logged.filter(entry => entry.event === 'signed_in').length

/** The response with changed parameters; undefined removes one. */
function change(path: string, changes: Record<string, string | undefined>): string {
  const url = new URL(path, issuer)
  for (const [name, value] of Object.entries(changes))
    if (value === undefined) url.searchParams.delete(name)
    else url.searchParams.set(name, value)
  return url.pathname + url.search
}

function assertFailed(page: Page, server: TestServer, reason: string, what: string): void {
  assert.ok(page.status >= 400 && page.location === undefined, `${what}: ${page.status} ${page.location}`)
  assert.equal(server.reason(), reason, what)
  assert.equal(signedIn(server), 0, what)
}

test('federation attack: a state works once, even for fifty concurrent requests', async () => {
  const { server, browser } = await startFederated(world())
  const answer = await visitProvider(await browser.visit(atCorp))
  const pages = await Promise.all(Array.from({ length: 50 }, () => browser.request('GET', answer)))
  assert.equal(pages.filter(page => page.location !== undefined).length, 1)
  assert.equal(signedIn(server), 1)
  assertErrorPage(await browser.request('GET', answer), 'invalid_request')
  assert.equal(server.reason(), 'upstream_state_unknown')
})

test('federation attack: another browser can neither use nor consume a state [RFC 9700 §4.7]', async () => {
  const { server, browser } = await startFederated(world())
  const answer = await visitProvider(await browser.visit(atCorp))
  const stranger = createBrowser(server)
  assertErrorPage(await stranger.visit(answer), 'invalid_request')
  assert.equal(server.reason(), 'upstream_browser_unknown')
  // With its own mark, since it was redirected itself.
  await stranger.visit(atCorp)
  assertErrorPage(await stranger.visit(answer), 'invalid_request')
  assert.equal(server.reason(), 'upstream_state_unknown')
  assert.equal(signedIn(server), 0)
  assert.ok(answerOf(await browser.visit(answer)).get('code'))
})

test('federation attack: a changed, missing, expired or invented state is refused', async () => {
  const { server, browser } = await startFederated(world())
  const answer = await visitProvider(await browser.visit(atCorp))
  const state = new URL(answer, issuer).searchParams.get('state') ?? ''
  for (const [changed, reason] of [
    [undefined, 'upstream_state_malformed'],
    ['', 'upstream_state_malformed'],
    ['x', 'upstream_state_malformed'],
    [`${state}A`, 'upstream_state_malformed'],
    [`tf_${'0'.repeat(9)}${'A'.repeat(43)}`, 'upstream_state_unknown'],
    [state.toLowerCase(), 'upstream_state_unknown'],
  ] as const) {
    const page = await browser.visit(change(answer, { state: changed }))
    assertFailed(page, server, reason, String(changed))
  }
  const repeated = await browser.visit(`${answer}&state=${state}`)
  assertFailed(repeated, server, 'repeated_parameter', 'repeated')
  server.clock.advance(900)
  assertFailed(await browser.visit(answer), server, 'upstream_state_unknown', 'expired')
})

test("federation attack: another's code in one's own flow is refused [RFC 9700 §4.5]", async () => {
  const { server, browser } = await startFederated(world())
  const attacker = createBrowser(server)
  const theirs = new URL(await visitProvider(await attacker.visit(atCorp)), issuer).searchParams
  const mine = await visitProvider(await browser.visit(atCorp))
  const page = await browser.visit(change(mine, { code: theirs.get('code') ?? '' }))
  assert.ok(page.status >= 500)
  assert.equal(signedIn(server), 0)
})

test('federation attack: a code that the provider redeems without PKCE is refused by its nonce', async () => {
  const { server, browser } = await startFederated(world())
  provider.claims = { sub: 'ada', nonce: 'of-another-flow' }
  assertFailed(await signInByProvider(browser, atCorp), server, 'upstream_answer_invalid', 'nonce')
  provider.claims = { sub: 'ada', nonce: undefined }
  assertFailed(await signInByProvider(browser, atCorp), server, 'upstream_answer_invalid', 'no nonce')
})

test('federation attack: an ID token with a wrong issuer, audience or time is refused [OpenID Connect Core 1.0 §3.1.3.7]', async () => {
  const { server, browser } = await startFederated(world())
  const now = server.clock.now()
  for (const [what, claims] of [
    ['issuer', { iss: evil.issuer }],
    ['audience', { aud: 'another' }],
    ['second audience without azp', { aud: ['tessera', 'another'], azp: 'another' }],
    ['expired', { exp: now - 3600 }],
    ['not yet', { nbf: now + 3600 }],
    ['no subject', { sub: undefined }],
    ['no end', { exp: undefined }],
  ] as const) {
    provider.claims = { sub: 'ada', ...claims }
    assertFailed(await signInByProvider(browser, atCorp), server, 'upstream_answer_invalid', what)
  }
})

test('federation attack: an ID token with a wrong signature is refused', async () => {
  const { server, browser } = await startFederated(world())
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const forgeries: Record<string, (header: object, payload: object) => string> = {
    'another key': (header, payload) => {
      const text = `${encode(header)}.${encode(payload)}`
      return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`
    },
    'alg none': (header, payload) => `${encode({ ...header, alg: 'none' })}.${encode(payload)}.`,
    HS256: (header, payload) => `${encode({ ...header, alg: 'HS256' })}.${encode(payload)}.AAAA`,
    'changed payload': (header, payload) => `${encode(header)}.${encode({ ...payload, sub: 'eve' })}.AAAA`,
  }
  for (const [what, forge] of Object.entries(forgeries)) {
    provider.service.once('beforeResponse', ({ body }) => {
      const [header = '', payload = ''] = String(body.id_token).split('.')
      const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
      body.id_token = forge(read(header), read(payload))
    })
    assertFailed(await signInByProvider(browser, atCorp), server, 'upstream_answer_invalid', what)
  }
  provider.service.once('beforeResponse', ({ body }) => {
    delete body.id_token
  })
  assertFailed(await signInByProvider(browser, atCorp), server, 'upstream_answer_invalid', 'no ID token')
})

test('federation attack: a response with another issuer is refused before its code is sent [RFC 9207 §2.4]', async () => {
  const { server, browser } = await startFederated(world())
  let redeemed = 0
  provider.service.on('beforeResponse', () => redeemed++)
  for (const iss of [evil.issuer, `${provider.issuer}/`, 'x']) {
    const answer = await visitProvider(await browser.visit(atCorp))
    assertFailed(await browser.visit(change(answer, { iss })), server, 'upstream_answer_invalid', iss)
  }
  assert.equal(redeemed, 0)
  const answer = await visitProvider(await browser.visit(atCorp))
  assert.ok(answerOf(await browser.visit(change(answer, { iss: provider.issuer }))).get('code'))
})

test('federation attack: a response from another provider is refused [RFC 9700 §4.4]', async () => {
  const { server, browser } = await startFederated(world())
  const answer = await visitProvider(await browser.visit(atCorp))
  const elsewhere = answer.replace('/callback/corp', '/callback/evil')
  assertFailed(await browser.visit(elsewhere), server, 'upstream_mixed_up', 'mixed up')
  // The state is consumed: the right issuer does not help any more.
  assertFailed(await browser.visit(answer), server, 'upstream_state_unknown', 'afterwards')
  assert.equal((await browser.visit('/federation/callback/unknown?state=x')).status, 404)
})

test("federation attack: a provider can't turn its user into a local one, by sub or by address", async () => {
  const alice = {
    sub: '1',
    username: 'alice',
    password: 'wonderland',
    claims: { email: 'alice@example.com', email_verified: true },
  }
  const start = (linking: string, users: readonly object[] = [alice]) =>
    startFederated({ ...federatedWorld(provider, { linking }), users })
  const cases = [
    ['none', { sub: '1', email: 'alice@example.com', email_verified: true }, [alice]],
    ['verified_email', { email: 'alice@example.com' }, [alice]],
    ['verified_email', { email: 'alice@example.com', email_verified: false }, [alice]],
    ['verified_email', { email: 'alice@example.com', email_verified: 'true' }, [alice]],
    ['verified_email', { email: ['alice@example.com'], email_verified: true }, [alice]],
    [
      'verified_email',
      { email: 'alice@example.com', email_verified: true },
      [{ ...alice, claims: { email: 'alice@example.com' } }],
    ],
    [
      'verified_email',
      { email: 'alice@example.com', email_verified: true },
      [alice, { ...alice, sub: '2', username: 'alice2' }],
    ],
    ['verified_email', { email: 'alice@example.com', email_verified: true }, [{ ...alice, tenant: 'acme' }]],
  ] as const
  for (const [linking, claims, users] of cases) {
    provider.claims = { sub: 'eve', ...claims }
    const { server, browser } = await start(linking, users)
    answerOf(await signInByProvider(browser, atCorp))
    assert.match(String(subOf(server)), /^fed_/, JSON.stringify([linking, claims, users]))
  }
  provider.claims = { sub: 'eve', email: 'Alice@Example.com', email_verified: true }
  const { server, browser } = await start('verified_email')
  answerOf(await signInByProvider(browser, atCorp))
  assert.equal(subOf(server), '1')
  // From now on it is a link: the address no longer matters.
  provider.claims = { sub: 'eve' }
  answerOf(await signInByProvider(createBrowser(server), atCorp))
  assert.equal(subOf(server), '1')
})

for (const [what, inToken, inUserinfo] of [
  [
    'verifies another one',
    { email: 'alice@example.com' },
    { email: 'eve@corp.example', email_verified: true },
  ],
  ['has none', { email_verified: true }, { email: 'alice@example.com' }],
  [
    'contradicts it',
    { email: 'alice@example.com', email_verified: false },
    { email: 'eve@corp.example', email_verified: true },
  ],
] as const)
  test(`federation attack: an address of one document is not verified if the other ${what} [OpenID Connect Core 1.0 §5.1]`, async () => {
    const alice = {
      sub: 'alice-1',
      username: 'alicia',
      password: 'wonderland',
      claims: { email: 'alice@example.com', email_verified: true },
    }
    const linked = federatedWorld(provider, { userinfo: true, linking: 'verified_email' })
    const { server, browser } = await startFederated({ ...linked, users: [alice] })
    provider.claims = { sub: 'eve', ...inToken }
    const answer = (response: { body: unknown }) => {
      response.body = { sub: 'eve', ...inUserinfo }
    }
    provider.service.on('beforeUserinfo', answer)
    try {
      answerOf(await signInByProvider(browser, atCorp))
      assert.match(String(subOf(server)), /^fed_/)
    } finally {
      provider.service.off('beforeUserinfo', answer)
    }
  })

test('federation attack: oversized claims and tokens are refused', async () => {
  const { server, browser } = await startFederated(world())
  const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
  for (const claims of [
    { sub: 'x'.repeat(256) },
    { sub: 'ada', name: 'x'.repeat(9000) },
    { sub: 'ada', name: nested(500) },
  ]) {
    provider.claims = claims
    assertFailed(await signInByProvider(browser, atCorp), server, 'upstream_answer_too_large', 'large')
  }
  // An ID token is stored for the upstream sign-out: beyond 16,384 characters it is not.
  provider.claims = { sub: 'ada', filling: 'x'.repeat(12_500) }
  assertFailed(await signInByProvider(browser, atCorp), server, 'upstream_answer_too_large', 'a large token')
  provider.claims = { sub: 'ada', filling: 'x'.repeat(300_000) }
  assertFailed(await signInByProvider(browser, atCorp), server, 'upstream_unreachable', 'larger')
  provider.claims = { sub: 'ada', name: nested(499) }
  answerOf(await signInByProvider(createBrowser(server), atCorp))
})

test('federation attack: secrets, codes, states and tokens are never logged', async () => {
  const { server, browser } = await startFederated(world())
  const answer = await visitProvider(await browser.visit(atCorp))
  const { searchParams } = new URL(answer, issuer)
  await browser.visit(answer)
  await browser.visit(answer)
  provider.claims = { sub: 'ada', nonce: 'wrong' }
  await signInByProvider(browser, authorizePath({ acr_values: 'idp:corp', prompt: 'login' }))
  const logged = JSON.stringify(server.logged)
  for (const secret of [
    'the-secret-there',
    searchParams.get('code') ?? '',
    searchParams.get('state') ?? '',
    'eyJ',
  ])
    assert.ok(secret !== '' && !logged.includes(secret), secret)
})

test('federation attack: a cross-site form post changes nothing by itself, and accepts only known parameters', async () => {
  const { server } = await startFederated(world())
  const form = { code: 'x', state: 'y', continue: 'z', location: 'https://evil.example' }
  const posted = await server.send('POST', '/federation/callback/corp', { form })
  assert.equal(posted.status, 303)
  assert.equal(posted.headers.location, '/federation/callback/corp?state=y&code=x')
  assert.equal(posted.headers['set-cookie'], undefined)
})

test("federation attack: the module maps or refuses a provider's user", async () => {
  const seen: unknown[] = []
  const decided: Record<string, string | null | undefined> = { ada: 'local-ada', eve: null }
  const subject = (request: { id: string; sub: string }) => {
    seen.push(request)
    return decided[request.id]
  }
  const { server, browser } = await startFederated({ ...world(), federation: { subject } })
  answerOf(await signInByProvider(browser, atCorp))
  assert.equal(subOf(server), 'local-ada')
  assert.deepEqual(Object.keys(seen[0] as object).sort(), ['authority', 'claims', 'id', 'provider', 'sub'])
  provider.claims = { sub: 'bob' }
  answerOf(await signInByProvider(createBrowser(server), atCorp))
  assert.match(String(subOf(server)), /^fed_/)
  provider.claims = { sub: 'eve' }
  const page = await signInByProvider(createBrowser(server), atCorp)
  assert.equal(page.status, 403)
  assert.equal(server.reason(), 'provider_user_refused')
  assert.match(page.text, /can’t be used to sign in here/)
})
