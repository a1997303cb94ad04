/** `oidc-provider` as upstream provider: a certified third-party implementation. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'
import { answerOf, authorizePath, callback, verifier } from '../support/sign-in.ts'
import { claimsOf, issuer } from '../support/tessera.ts'
import { federatedWorld, startFederated } from '../support/upstream.ts'

const farewell = 'https://app.example/bye'
let peer: Server
let origin: string
let clientJwk: Record<string, unknown>

const keyPair = async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const named = { alg: 'ES256', use: 'sig', kid: 'k1' }
  return {
    secret: { ...(await exportJWK(privateKey)), ...named },
    open: { ...(await exportJWK(publicKey)), ...named },
  }
}

before(async () => {
  const [own, ours] = [await keyPair(), await keyPair()]
  clientJwk = ours.secret
  peer = createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1')
  await once(peer, 'listening')
  origin = `http://127.0.0.1:${(peer.address() as AddressInfo).port}`
  const metadata = {
    redirect_uris: [`${issuer}/federation/callback/corp`],
    post_logout_redirect_uris: [`${issuer}/logout/done`],
    id_token_signed_response_alg: 'ES256',
    grant_types: ['authorization_code'],
    response_types: ['code'],
  }
  const provider = new Provider(origin, {
    jwks: { keys: [own.secret] } as never,
    clients: [
      {
        ...metadata,
        client_id: 'tessera',
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [ours.open] },
      },
      { ...metadata, client_id: 'with-secret', client_secret: 'a-secret-of-some-length' },
    ] as never,
    cookies: { keys: ['a-key'] },
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    findAccount: (_: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, name: 'Ada', email: 'ada@corp.example', email_verified: true }),
    }),
  } as never)
  const handle = provider.callback()
})
after(() => {
  peer.closeAllConnections()
  peer.close()
})

/** A user at the provider: signs in and consents on its pages until it redirects back; returns what it sends. */
function createVisitor() {
  const cookies = new Map<string, string>()
  async function ask(url: string, form?: Record<string, string>): Promise<Response> {
    const response = await fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { body: new URLSearchParams(form) }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return response
  }

  return async (start: string): Promise<{ url: URL; form?: Record<string, string> }> => {
    let response = await ask(start)
    for (let steps = 0; steps < 12; steps++) {
      const location = response.headers.get('location')
      if (location !== null) {
        const url = new URL(location, origin)
        if (url.origin !== origin) return { url }
        response = await ask(url.href)
        continue
      }
      const html = await response.text()
      const [, action = ''] = /action="([^"]*)"/.exec(html) ?? []
      const fields = Object.fromEntries(
        [...html.matchAll(/<input[^>]*name="([^"]*)"[^>]*?(?:value="([^"]*)")?[^>]*>/g)].map(
          ([whole, name = '']) => [name, /value="([^"]*)"/.exec(whole)?.[1] ?? 'ada'],
        ),
      )
      const url = new URL(action.replaceAll('&amp;', '&'), origin)
      if (url.origin !== origin) return { url, form: fields }
      response = await ask(url.href, { ...fields, ...(html.includes('name="logout"') && { logout: 'yes' }) })
    }
    throw new Error('the provider does not come to an end')
  }
}

const atCorp = authorizePath({ acr_values: 'idp:corp', scope: 'openid profile' })
const world = (settings: object) => {
  const made = federatedWorld({ issuer: origin }, { id_token_signed_response_alg: 'ES256', ...settings })
  return {
    ...made,
    clients: made.clients.map(client =>
      client.client_id === 'web' ? { ...client, post_logout_redirect_uris: [farewell] } : client,
    ),
  }
}
const byKey = () => ({
  client_id: 'tessera',
  client_secret: undefined,
  client_jwk: clientJwk,
  userinfo: true,
})

test('oidc-provider: a sign-in with private_key_jwt and userinfo, and a sign-out here and there', async () => {
  const { server, browser } = await startFederated(world(byKey()))
  const visit = createVisitor()
  const back = await visit((await browser.visit(atCorp)).location ?? '')
  assert.equal(back.url.searchParams.get('iss'), origin)
  const answer = answerOf(await browser.visit(back.url.pathname + back.url.search))
  const token = await server.token({
    grant_type: 'authorization_code',
    client_id: 'web',
    code: answer.get('code') ?? '',
    redirect_uri: callback,
    code_verifier: verifier,
  })
  const claims = claimsOf(token.json.id_token)
  assert.match(claims.sub, /^fed_/)
  const userinfo = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${token.json.access_token}` },
  })
  assert.equal(userinfo.json.name, 'Ada')

  const parameters = { id_token_hint: token.json.id_token, post_logout_redirect_uri: farewell, state: 's' }
  const { location = '' } = await browser.visit(`/connect/endsession?${new URLSearchParams(parameters)}`)
  assert.ok(location.startsWith(`${origin}/session/end`), location)
  const returned = await visit(location)
  assert.equal(returned.url.origin + returned.url.pathname, `${issuer}/logout/done`)
  const done = await browser.visit(returned.url.pathname + returned.url.search)
  assert.equal(done.location, `${farewell}?state=s`)
})

test('oidc-provider: a form_post response, with a secret by Basic', async () => {
  const secret = { client_id: 'with-secret', client_secret: 'a-secret-of-some-length' }
  const { server, browser } = await startFederated(world({ ...secret, response_mode: 'form_post' }))
  const back = await createVisitor()((await browser.visit(atCorp)).location ?? '')
  assert.ok(back.form, 'no form')
  // A cross-site post: without our cookies.
  const posted = await server.send('POST', back.url.pathname, { form: back.form })
  assert.ok(answerOf(await browser.visit(String(posted.headers.location))).get('code'))
})

test('oidc-provider: a response without the issuer that it announces is refused [RFC 9207 §2.4]', async () => {
  const { server, browser } = await startFederated(world(byKey()))
  const back = await createVisitor()((await browser.visit(atCorp)).location ?? '')
  back.url.searchParams.delete('iss')
  const page = await browser.visit(back.url.pathname + back.url.search)
  assert.equal(page.status, 502)
  assert.equal(server.reason(), 'upstream_answer_invalid')
})

test('oidc-provider: a wrong secret is refused there', async () => {
  const wrong = { client_id: 'with-secret', client_secret: 'not-that-one-but-another' }
  const { server, browser } = await startFederated(world(wrong))
  const back = await createVisitor()((await browser.visit(atCorp)).location ?? '')
  assert.equal((await browser.visit(back.url.pathname + back.url.search)).status, 502)
  assert.equal(server.reason(), 'upstream_refused_code')
})
