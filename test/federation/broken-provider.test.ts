/** Providers whose responses have status 200 and are of no use: what was known before stays in use. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createIssuerKeysUriFinder } from '../../packages/server/src/clients/keys/issuer-metadata.ts'
import {
  createDiscovery,
  type OpenIdProvider,
} from '../../packages/server/src/identity/federation/provider-discovery.ts'
import { createLogoutTokenReader } from '../../packages/server/src/identity/federation/upstream-logout-token.ts'
import type { Outbound } from '../../packages/server/src/outbound/outbound.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'

const issuer = 'https://corp.example'
const upstream = { issuer, client_id: 'tessera', scope: ['openid'], acr_mapping: {} }
const provider = { name: 'corp', upstream } as unknown as OpenIdProvider
const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
}

/** A server that answers every request with what `answer` returns at that moment. */
const answering =
  (answer: () => unknown): Outbound =>
  async () => {
    const body = answer()
    return {
      ok: true,
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }
  }

for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'])
  test(`broken provider: metadata without a usable ${name} do not replace those that are known [OpenID Connect Discovery 1.0 §3]`, async () => {
    for (const value of [undefined, 7, '', 'none', 'javascript:1']) {
      let now = 1_800_000_000
      let current: object = metadata
      const clock = { now: () => now }
      const outbound = answering(() => current)
      const discover = createDiscovery({ algorithms: ['RS256'], outbound, clock })
      assert.equal((await discover(provider)).serverMetadata().token_endpoint, metadata.token_endpoint)
      current = { ...metadata, [name]: value }
      now += 601
      const { authorization_endpoint, token_endpoint, jwks_uri } = (await discover(provider)).serverMetadata()
      assert.deepEqual(
        [authorization_endpoint, token_endpoint, jwks_uri],
        [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri],
        `${value}`,
      )
      // Without metadata that are known, the provider can't be used.
      const unknown = createDiscovery({ algorithms: ['RS256'], outbound, clock })
      await assert.rejects(unknown(provider))
      // It is asked again after half a minute.
      current = { ...metadata, token_endpoint: `${issuer}/new` }
      now += 31
      assert.equal((await discover(provider)).serverMetadata().token_endpoint, `${issuer}/new`)
    }
  })

test('broken provider: the address of the keys of a workload issuer is replaced by a URL only', async () => {
  let now = 1_800_000_000
  let current: object = metadata
  const find = createIssuerKeysUriFinder({
    outbound: answering(() => current),
    clock: { now: () => now },
    log: silentLog,
  })
  assert.equal(await find(issuer), metadata.jwks_uri)
  for (const jwks_uri of ['', 'none', 7, undefined]) {
    current = { ...metadata, jwks_uri }
    now += 3601
    assert.equal(await find(issuer), metadata.jwks_uri, `${jwks_uri}`)
  }
})

test('broken provider: a logout token is not refused for good while the keys are no key set [OpenID Connect Back-Channel Logout 1.0 §2.8]', async () => {
  const now = 1_800_000_000
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }
  const token = await new SignJWT({
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    sub: 'ada',
    jti: '1',
  })
    .setProtectedHeader({ alg: 'RS256', kid: 'k' })
    .setIssuer(issuer)
    .setAudience('tessera')
    .setIssuedAt(now)
    .setExpirationTime(now + 120)
    .sign(privateKey)
  let keys: unknown
  const read = createLogoutTokenReader({
    discover: async () => ({ serverMetadata: () => metadata }) as never,
    algorithms: ['RS256'],
    outbound: answering(() => keys),
    clock: { now: () => now },
  })
  for (keys of ['<html>maintenance</html>', '{}', '[]']) {
    const refused = await read(provider, token)
    assert.deepEqual(!refused.ok && [refused.error, refused.reason], [
      'server_error',
      'upstream_answer_invalid',
    ])
  }
  keys = { keys: [jwk] }
  assert.equal((await read(provider, token)).ok, true)
})
