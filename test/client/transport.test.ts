/** Time limits, aborted calls and connections of the client's requests, at servers and with a `fetch` that misbehave. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { clientCredentials, createClient, type Fetch, fetchUserinfo, registerClient } from '@tessera/client'

const issuer = 'https://as.example'
const metadata = {
  issuer,
  token_endpoint: `${issuer}/token`,
  userinfo_endpoint: `${issuer}/userinfo`,
  registration_endpoint: `${issuer}/register`,
}
const clientOf = (fetch: Fetch, timeout?: number) =>
  createClient({ issuer, metadata, fetch, client_id: 'app', timeout })

const token = () => Response.json({ access_token: 'token', token_type: 'Bearer' })

for (const timeout of [Number.POSITIVE_INFINITY, 2 ** 32])
  test(`transport: a time-out of ${timeout} s is not over before the response`, async () => {
    const client = clientOf(async (_, { signal }) => {
      // A timer that is set to a longer time than timers have ends after one millisecond.
      await new Promise(resolve => setTimeout(resolve, 20))
      signal?.throwIfAborted()
      return token()
    }, timeout)
    assert.ok((await clientCredentials(client)).ok)
  })

test('transport: a fetch that ignores its signal can not make a call wait longer than its time-out', async () => {
  const tokens = await clientCredentials(clientOf(() => new Promise(() => undefined), 0.02))
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'timeout')
  assert.equal(tokens.error.mayHaveSucceeded, true)
})

test('transport: a call ends when it is aborted, even if the fetch ignores its signal', async () => {
  const stop = new AbortController()
  const client = clientOf(() => {
    queueMicrotask(() => stop.abort())
    return new Promise(() => undefined)
  })
  const tokens = await clientCredentials(client, { signal: stop.signal })
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.kind, 'aborted')
})

test('transport: a body that does not end is given up at the time-out', async () => {
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: controller => controller.enqueue(new TextEncoder().encode('{')),
  })
  const tokens = await clientCredentials(clientOf(async () => new Response(endless), 0.02))
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'timeout')
})

test('transport: the body of a redirect is cancelled, so that it does not keep a connection open', async () => {
  let cancelled = false
  const body = new ReadableStream({
    cancel() {
      cancelled = true
    },
  })
  const redirect = new Response(body, { status: 302, headers: { location: 'https://attacker.example' } })
  const tokens = await clientCredentials(clientOf(async () => redirect))
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'unexpected_redirect')
  assert.equal(cancelled, true)
})

for (const wrong of ['tok\nen', 'tok\r\nx-injected: en', 'tok\u0000en', 'tok\u0100en'])
  test(`transport: the token ${JSON.stringify(wrong)} is not sent, and the error does not contain it`, async () => {
    const client = clientOf(async (url, init) => {
      new Headers(init.headers)
      return assert.fail(`a request was sent to ${url}`)
    })
    for (const result of [
      await fetchUserinfo(client, wrong, null),
      await registerClient(client.issuer, {}, { initialAccessToken: wrong }),
    ]) {
      assert.ok(!result.ok)
      assert.equal(result.error.code, 'header_invalid')
      assert.equal(result.error.mayHaveSucceeded, false)
      assert.doesNotMatch(inspect(result.error), /tok/)
    }
  })
