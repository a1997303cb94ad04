/** WebFinger (OpenID Connect Discovery 1.0 §2): from a user's identifier to an issuer. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fetch, type FindIssuerOptions, findIssuer } from '@tessera/client'

const issuer = 'https://op.example'
const rel = 'http://openid.net/specs/connect/1.0/issuer'

/** Responds to each request with the body, and keeps the URLs. */
function webFinger(body: unknown, status = 200) {
  const sent: URL[] = []
  const fetch: Fetch = async url => {
    sent.push(new URL(url))
    return Response.json(body, { status })
  }
  return { sent, fetch }
}

const links = (href: unknown) => ({ subject: 'acct:joe@example.com', links: [{ rel, href }] })

for (const [identifier, resource, host] of [
  ['joe@example.com', 'acct:joe@example.com', 'example.com'],
  [' joe@example.com ', 'acct:joe@example.com', 'example.com'],
  ['acct:juliet%40capulet.example@shopping.example.com', undefined, 'shopping.example.com'],
  ['https://example.com/joe#there', 'https://example.com/joe', 'example.com'],
  ['example.com:8080', 'https://example.com:8080/', 'example.com:8080'],
  ['example.com', 'https://example.com/', 'example.com'],
  ['joe@example.com:8080', 'https://joe@example.com:8080/', 'example.com:8080'],
] as const)
  test(`webfinger: ${JSON.stringify(identifier)} is looked up at ${host} [Discovery §2.1]`, async () => {
    const { sent, fetch } = webFinger(links(issuer))
    const found = await findIssuer(identifier, { fetch })
    assert.deepEqual(found, { ok: true, value: issuer })
    assert.equal(sent.length, 1)
    const [url] = sent
    assert.equal(`${url?.origin}${url?.pathname}`, `https://${host}/.well-known/webfinger`)
    assert.deepEqual(Object.fromEntries(url?.searchParams ?? []), { resource: resource ?? identifier, rel })
  })

test('webfinger: the link of another relation is not the issuer', async () => {
  const other = { rel: 'http://webfinger.net/rel/avatar', href: 'https://example.com/joe.png' }
  const { fetch } = webFinger({ links: [other, null, { rel, href: issuer }] })
  assert.deepEqual(await findIssuer('joe@example.com', { fetch }), { ok: true, value: issuer })
})

/** Asserts why there is no issuer, and how many requests were sent. */
async function assertFails(
  identifier: string,
  expected: object,
  requests: number,
  options: FindIssuerOptions,
) {
  const { sent, fetch } = webFinger(links(issuer))
  const found = await findIssuer(identifier, { fetch, ...options })
  assert.ok(!found.ok)
  const { kind, code } = found.error
  assert.deepEqual({ kind, code }, expected)
  if (!options.fetch) assert.equal(sent.length, requests)
}

for (const identifier of [
  '',
  '=joe',
  'xri://=joe',
  'mailto:joe@example.com',
  'acct:joe@example.com/x',
  'acct:joe',
])
  test(`webfinger: ${JSON.stringify(identifier)} is refused without a request`, () =>
    assertFails(identifier, { kind: 'invalid', code: 'identifier_invalid' }, 0, {}))

test('webfinger: http is refused without a request, except at a loopback host and at hosts that the policy lists', async () => {
  await assertFails('http://example.com/joe', { kind: 'policy', code: 'webfinger_not_allowed' }, 0, {})
  for (const [identifier, policy] of [
    ['http://localhost:5080/joe', {}],
    ['http://example.com/joe', { httpHosts: ['example.com'] }],
  ] as const) {
    const { sent, fetch } = webFinger(links(issuer))
    assert.deepEqual(await findIssuer(identifier, { fetch, policy }), { ok: true, value: issuer })
    assert.equal(sent[0]?.protocol, 'http:')
  }
})

for (const [name, body, status] of [
  ['an error', links(issuer), 404],
  ['no links', {}, 200],
  ['a link without a URL', links(7), 200],
  ['a list', [], 200],
] as const)
  test(`webfinger: a response with ${name} names no issuer`, () =>
    assertFails('joe@example.com', { kind: 'invalid', code: 'issuer_not_found' }, 1, webFinger(body, status)))

for (const href of [
  'http://op.example',
  // A server on the web can't name one on the user's own machine.
  'http://localhost:5080',
  'http://127.0.0.1:9200',
  'https://op.example?x=1',
  'https://op.example#x',
  'javascript:alert(1)',
])
  test(`webfinger: ${href} is refused as an issuer [Discovery §2, §3]`, () =>
    assertFails('joe@example.com', { kind: 'policy', code: 'issuer_not_allowed' }, 1, webFinger(links(href))))

test('webfinger: a redirect is not followed', () =>
  assertFails('joe@example.com', { kind: 'invalid', code: 'unexpected_redirect' }, 1, {
    fetch: async () => new Response(null, { status: 302, headers: { location: 'https://evil.example' } }),
  }))
