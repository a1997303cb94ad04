/**
 * `application_type` and the redirection URIs that it allows (OpenID Connect Dynamic Client Registration 1.0 §2, RFC 8252 §7), for
 * clients that register, that publish their metadata, and that are configured.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { documentOf, documentUrl, openDocumentServer, requestOf } from '../support/client-documents.ts'
import { register } from '../support/registering.ts'
import { alice, authorizePath, pagesWorld } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const https = 'https://app.client.example/cb'
const loopback = 'http://127.0.0.1/cb'
const localhost = 'http://localhost/cb'
const reversed = 'com.example.app:/cb'
const cursor = 'cursor://anysphere.cursor-mcp/cb'

type Case = {
  readonly sent?: unknown
  readonly uris: readonly string[]
  /** With a secret; by default the client is public. */
  readonly secret?: true
  /** The type and the URIs that are registered; undefined if the registration is refused. */
  readonly type?: 'web' | 'native'
  readonly kept?: readonly string[]
}

const cases: readonly Case[] = [
  { sent: 'web', uris: [https], type: 'web' },
  { sent: 'web', uris: [https, loopback, localhost], type: 'web' },
  { sent: 'web', uris: [https, reversed, cursor], type: 'web', kept: [https] },
  // Some editors say so with their scheme alone.
  { sent: 'web', uris: [cursor], type: 'native' },
  { sent: 'web', uris: [reversed], secret: true },
  { sent: 'native', uris: [https, loopback, localhost, reversed, cursor], type: 'native' },
  { sent: 'native', uris: [https], type: 'native' },
  { sent: 'native', uris: [reversed, loopback], secret: true, type: 'native' },
  { uris: [https], type: 'web' },
  { uris: [loopback], type: 'native' },
  { uris: [localhost, loopback], type: 'native' },
  { uris: [https, localhost], type: 'web' },
  { uris: [https, cursor], type: 'native' },
  { uris: [localhost], secret: true, type: 'web' },
  { uris: [reversed], secret: true },
  { sent: 'desktop', uris: [loopback], type: 'native' },
  { sent: 'desktop', uris: [https], type: 'web' },
  { sent: 7, uris: [https], type: 'web' },
  { sent: null, uris: [loopback], type: 'native' },
]

for (const { sent, uris, secret, type, kept = uris } of cases) {
  const about = `${sent === undefined ? 'omitted' : JSON.stringify(sent)} with ${uris.join(' ')}${secret ? ' and a secret' : ''}`
  const metadata = {
    ...(sent !== undefined && { application_type: sent }),
    redirect_uris: uris,
    token_endpoint_auth_method: secret ? 'client_secret_basic' : 'none',
  }

  test(`application type: ${about} is registered as ${type ?? 'nothing'}`, async () => {
    const server = await createTestServer({ ...pagesWorld, registration: { mode: 'open' } })
    const { status, json } = await register(server, metadata)
    if (type === undefined) {
      assert.deepEqual([status, json.error], [400, 'invalid_redirect_uri'])
      // The client can correct its request by this.
      assert.match(
        json.error_description,
        /application_type 'web', or 'native' for an application on a device/,
      )
    } else {
      assert.equal(status, 201, json.error_description)
      assert.deepEqual([json.application_type, json.redirect_uris], [type, kept])
    }
  })

  if (!secret)
    test(`application type: ${about} in a metadata document allows the same redirect URIs`, async () => {
      const { server, publish } = await openDocumentServer()
      publish(documentUrl, { body: documentOf(documentUrl, metadata) })
      for (const redirect_uri of uris) {
        const page = await createBrowser(server).visit(requestOf(documentUrl, { redirect_uri }))
        assert.equal(
          page.form?.action !== undefined,
          kept.includes(redirect_uri),
          `${redirect_uri}: ${page.text}`,
        )
      }
    })
}

test('application type: a native client uses any port of localhost, a web application with a secret only its own', async () => {
  const client = (application_type: string) => ({
    client_id: application_type,
    application_type,
    client_secrets: [{ value: 'a long enough secret' }],
    redirect_uris: ['http://localhost:3000/cb'],
    scope: 'openid',
  })
  const server = await createTestServer({ ...pagesWorld, clients: [client('web'), client('native')] })
  for (const [client_id, port, isAllowed] of [
    ['native', 3000, true],
    ['native', 49152, true],
    ['web', 3000, true],
    ['web', 49152, false],
  ] as const) {
    const redirect_uri = `http://localhost:${port}/cb`
    const page = await createBrowser(server).visit(
      authorizePath({ client_id, redirect_uri, scope: 'openid' }),
    )
    assert.equal(page.status === 400, !isAllowed, `${client_id} ${port}`)
  }
})

test('application type: the consent page warns of programs on the device [RFC 8252 §8.6]', async () => {
  const { server, publish } = await openDocumentServer()
  const redirect_uris = [loopback, localhost, 'http://[::1]/cb', https]
  publish(documentUrl, { body: documentOf(documentUrl, { redirect_uris, application_type: 'native' }) })
  for (const [redirect_uri, shown] of [
    ['http://127.0.0.1:49152/cb', '127.0.0.1:49152'],
    ['http://localhost:8080/cb', 'localhost:8080'],
    ['http://[::1]:8080/cb', '[::1]:8080'],
  ] as const) {
    const browser = createBrowser(server)
    const page = await browser.submit(await browser.visit(requestOf(documentUrl, { redirect_uri })), alice)
    const warning = `Your choice is sent to a program on this device (${shown}). Allow it only if you have just started this there.`
    assert.ok(page.body.includes(`<strong>${warning}</strong>`), page.text)
  }
  const browser = createBrowser(server)
  const web = await browser.submit(
    await browser.visit(requestOf(documentUrl, { redirect_uri: https })),
    alice,
  )
  assert.doesNotMatch(web.text, /program on this device/)
})
