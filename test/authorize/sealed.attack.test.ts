/**
 * A browser can't read the state it carries for this server: addresses remain in histories, proxy logs and mailboxes.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { createSeals } from '../../packages/server/src/pages/flow/seal.ts'
import { accountsWorld, newestMail } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { pagesWorld } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const secret = 'patient-4711'

/** Everything that can be read in a text without a key: itself, and its base64url parts decoded. */
const readable = (text: string): string =>
  [text, ...text.split(/[^\w-]+/).map(part => Buffer.from(part, 'base64url').toString('latin1'))].join('\n')

test('authorize: a pushed request is unreadable in every URL and form of the sign-in [RFC 9126 §1]', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  const form = {
    ...{ client_id: 'web', response_type: 'code', redirect_uri: 'https://app.example/cb', scope: 'openid' },
    ...{ state: secret, nonce: secret, code_challenge_method: 'S256', code_challenge: 'x'.repeat(43) },
  }
  const pushed = await server.send('POST', '/connect/par', { form })
  assert.equal(pushed.status, 201, pushed.body)
  const first = `/connect/authorize?${new URLSearchParams({ client_id: 'web', request_uri: pushed.json.request_uri })}`
  const asked = await browser.request('GET', first)
  assert.match(asked.location ?? '', /^\/login\?continue=/)
  const page = await browser.visit(asked.location ?? '')
  for (const text of [asked.location ?? '', page.body, [...browser.cookies].join()])
    assert.doesNotMatch(readable(text), new RegExp(secret))
})

test('seals: a value opens only for its purpose, and no two values share key stream bytes', () => {
  const clock = { now: () => 1000 }
  const derived = createDerivedKeys(Buffer.alloc(32, 1))
  const [one, other] = ['one', 'other'].map(purpose => createSeals(purpose, { derived, clock }))
  const values = ['a', 'b', 'c'].map(end => ({ asked_at: 999, secret: secret + end }))
  const texts = values.map(value => one?.seal(value) ?? '')
  for (const [index, text] of texts.entries()) {
    assert.deepEqual(one?.open(text), values[index])
    assert.equal(other?.open(text), undefined)
    assert.doesNotMatch(readable(text), new RegExp(secret))
  }
  // With the same key stream, texts with the same beginning would have ciphertexts with the same beginning.
  assert.equal(new Set(texts.map(text => text.slice(0, 8))).size, texts.length)
})

test('mail links: the content of a link is unreadable', async () => {
  const server = await createTestServer(accountsWorld())
  const browser = createBrowser(server)
  const email = `${secret}@example.com`
  await browser.submit(await browser.visit('/register'), { email })
  const { path } = await newestMail(server)
  assert.match(path, /^\/register\/complete\?link=/)
  assert.doesNotMatch(readable(path), new RegExp(secret))
})

test('sign-out: the state of a client remains unreadable in the address of the page that asks', async () => {
  const back = 'https://app.example/bye'
  const clients = [{ ...pagesWorld.clients[0], post_logout_redirect_uris: [back] }]
  const server = await createTestServer({ ...pagesWorld, clients })
  const query = new URLSearchParams({ client_id: 'web', post_logout_redirect_uri: back, state: secret })
  const asked = await server.send('GET', `/connect/endsession?${query}`)
  assert.match(String(asked.headers.location), /^\/logout\?continue=/)
  assert.doesNotMatch(readable(String(asked.headers.location)), new RegExp(secret))
})
