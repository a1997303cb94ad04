/** A device whose response with the tokens was lost polls again, and gets the same refresh token while that one is unused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { backUp } from '../../packages/server/src/storage/sqlite/backup.ts'
import { openSqliteTenantStores } from '../../packages/server/src/storage/sqlite/stores.ts'
import { one, two } from '../support/certificates.ts'
import { createProver } from '../support/dpop.ts'
import { testFolder } from '../support/folder.ts'
import { approveDevice, issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { beginShared } from '../support/storage.ts'
import { type Answer, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const folder = testFolder()
const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
const device = {
  grant_types: [grant_type, 'refresh_token'],
  scope: 'openid profile api1 offline_access',
}
const isPublic = { ...device, token_endpoint_auth_method: 'none' }
const confidential = { ...device, client_secrets: [{ value: secret }] }
const client = (client_id: string, ...settings: readonly object[]) =>
  Object.assign({ client_id }, ...settings) as { readonly client_id: string }
const input = {
  ...withClients(
    client('tv', confidential),
    client('strict', isPublic, { refresh_token_retry_window: 0 }),
    client('reusing', confidential, { refresh_token_usage: 'reuse' }),
    client('current', isPublic, { update_access_token_claims_on_refresh: true }),
    client('opaque', isPublic, { access_token_type: 'reference' }),
  ),
  mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
}
const secretOf = (client_id: string): object =>
  ['tv', 'reusing'].includes(client_id) ? { client_secret: secret } : {}

type Proof = { readonly dpop?: string; readonly certificate?: string }

const poll = (
  server: TestServer,
  device_code: string,
  client_id = 'device',
  { dpop, certificate }: Proof = {},
): Promise<Answer> =>
  server.token(
    { grant_type, client_id, device_code, ...secretOf(client_id) },
    { headers: dpop === undefined ? {} : { dpop }, ...(certificate !== undefined && { certificate }) },
  )

/** Returns the device code of a user who approved. */
async function approved(
  server: TestServer,
  client_id = 'device',
  scope: readonly string[] = ['api1', 'offline_access', 'openid'],
): Promise<string> {
  const form = { client_id, ...secretOf(client_id) }
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form })
  const found = await server.stores.devices.find(hashHandle(json.device_code))
  assert.ok(await approveDevice(server, found!.device.user_code_hash, { client_id, scope }))
  return json.device_code
}

const refresh = (server: TestServer, refresh_token: string, client_id = 'device'): Promise<Answer> =>
  server.token({ grant_type: 'refresh_token', refresh_token, client_id, ...secretOf(client_id) })

const used = (answer: Answer): void => assertRefused(answer, 'invalid_grant', 'device_code_used')

test('device retry: within the window, an equal response; once its refresh token was used, the code stays used', async () => {
  for (const client_id of ['device', 'tv', 'current', 'opaque']) {
    const server = await createTestServer(input)
    const code = await approved(server, client_id)
    const first = await poll(server, code, client_id)
    server.clock.advance(10)
    const again = await poll(server, code, client_id)
    assert.equal(again.status, 200, again.body)
    for (const name of ['refresh_token', 'scope', 'token_type', 'expires_in'])
      assert.deepEqual(again.json[name], first.json[name], name)
    assert.equal(again.json.refresh_token_timeout, first.json.refresh_token_timeout - 10)
    assert.equal(claimsOf(again.json.id_token).sub, '88421113')
    if (client_id !== 'opaque') {
      const { jti: _, iat, nbf, exp, ...claims } = claimsOf(again.json.access_token)
      const { jti, ...before } = claimsOf(first.json.access_token)
      assert.deepEqual({ ...claims, iat: iat - 10, nbf: nbf - 10, exp: exp - 10 }, before)
    }
    const next = await refresh(server, again.json.refresh_token, client_id)
    assert.equal(next.status, 200)
    used(await poll(server, code, client_id))
    // The code shows no replay of the refresh token, so nothing is revoked.
    assert.equal((await refresh(server, next.json.refresh_token, client_id)).status, 200)
  }
})

test('device retry: after the window, without a window, with reused tokens and without a refresh token, a code is used once', async () => {
  const server = await createTestServer(input)
  const late = await approved(server)
  const { refresh_token } = (await poll(server, late)).json
  server.clock.advance(11)
  used(await poll(server, late))
  assert.equal((await refresh(server, refresh_token)).status, 200)
  for (const [client_id, scope] of [
    ['strict', undefined],
    ['reusing', undefined],
    ['device', ['api1', 'openid']],
  ] as const) {
    const code = await approved(server, client_id, scope)
    assert.equal((await poll(server, code, client_id)).status, 200)
    used(await poll(server, code, client_id))
  }
})

test('device retry: the window is open until its end, also if the code has expired by then and clean-up ran', async () => {
  const server = await createTestServer(input)
  const code = await approved(server)
  server.clock.advance(299)
  const { refresh_token } = (await poll(server, code)).json
  server.clock.advance(9)
  await server.stores.cleanUp(server.clock.now() - 900)
  assert.equal((await poll(server, code)).json.refresh_token, refresh_token)
})

test('device retry: another client or another key gets nothing, and the right one still does', async () => {
  const [prover, other] = [await createProver(), await createProver()]
  const server = await createTestServer(input)
  const proofs: readonly (readonly [() => Proof, readonly (() => Proof)[]])[] = [
    [
      () => ({ dpop: prover.proof() }),
      [() => ({}), () => ({ dpop: other.proof() }), () => ({ certificate: one })],
    ],
    [() => ({}), [() => ({ dpop: prover.proof() })]],
  ]
  for (const client_id of ['device', 'tv'])
    for (const [right, wrong] of proofs) {
      const code = await approved(server, client_id)
      const first = (await poll(server, code, client_id, right())).json
      const stranger = await poll(server, code, client_id === 'tv' ? 'device' : 'tv', right())
      assertRefused(stranger, 'invalid_grant', 'device_code_of_another_client')
      for (const proof of wrong)
        assertRefused(
          await poll(server, code, client_id, proof()),
          'invalid_grant',
          'device_code_used_with_another_key',
        )
      const again = (await poll(server, code, client_id, right())).json
      assert.equal(again.refresh_token, first.refresh_token)
      assert.equal(again.token_type, first.token_type)
      assert.deepEqual(claimsOf(again.access_token).cnf, claimsOf(first.access_token).cnf)
    }
  // The very same request shows no lost response, but a repeated proof.
  const code = await approved(server)
  const dpop = prover.proof()
  assert.equal((await poll(server, code, 'device', { dpop })).status, 200)
  assertRefused(await poll(server, code, 'device', { dpop }), 'invalid_dpop_proof', 'dpop_proof_replayed')
})

test('device: polling while the user decides uses up no proof', async () => {
  const server = await createTestServer(input)
  const { json } = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: 'device' },
  })
  const dpop = (await createProver()).proof()
  for (const error of ['authorization_pending', 'slow_down'])
    assert.equal((await poll(server, json.device_code, 'device', { dpop })).json.error, error)
})

test('device retry: a certificate that binds the tokens is needed again', async () => {
  const bound = { tls_client_certificate_bound_access_tokens: true }
  const server = await createTestServer({
    ...input,
    clients: [...input.clients, { client_id: 'certified', ...isPublic, ...bound }],
  })
  const code = await approved(server, 'certified')
  const first = (await poll(server, code, 'certified', { certificate: one })).json
  assertRefused(
    await poll(server, code, 'certified', { certificate: two }),
    'invalid_grant',
    'device_code_used_with_another_key',
  )
  const again = (await poll(server, code, 'certified', { certificate: one })).json
  assert.equal(again.refresh_token, first.refresh_token)
})

test('device retry: what ended in between stays ended: a revoked token, a disabled user or client, a lost scope', async () => {
  const begin = async () => {
    const server = await createTestServer(input)
    const code = await approved(server)
    return { server, code, first: (await poll(server, code)).json }
  }
  const revoked = await begin()
  await revoked.server.send('POST', '/connect/revocation', {
    form: { token: revoked.first.refresh_token, client_id: 'device' },
  })
  assertRefused(await poll(revoked.server, revoked.code), 'invalid_grant', 'authorization_revoked')

  const changed = (change: object) => ({
    ...input,
    clients: input.clients.map(client => (client.client_id === 'device' ? { ...client, ...change } : client)),
  })
  const users = world.users.map(user => ({ ...user, active: false }))
  for (const [change, error, reason] of [
    [{ ...input, users }, 'invalid_grant', 'user_inactive'],
    [changed({ enabled: false }), 'invalid_client', 'client_disabled'],
    [changed({ scope: 'openid offline_access' }), 'invalid_scope', 'scope_withdrawn'],
    [changed({ grant_types: [grant_type], scope: 'openid api1' }), 'invalid_scope', 'scope_withdrawn'],
  ] as const) {
    const { server, code } = await begin()
    await server.reconfigure(change)
    assertRefused(await poll(server, code), error, reason)
  }
})

test('device retry: a redemption in the future is neither repeated nor revoked', async () => {
  const server = await createTestServer(input)
  const code = await approved(server)
  const { refresh_token } = (await poll(server, code)).json
  server.clock.advance(-3)
  assertRefused(await poll(server, code), 'invalid_grant', 'refresh_rotated_in_future')
  server.clock.advance(3)
  assert.equal((await poll(server, code)).json.refresh_token, refresh_token)
})

test('device retry: after a restore, a code gives the first refresh token again until a later one shows what was lost', async () => {
  const open = async (file: string) =>
    createTestServer(input, { tenantStores: await openSqliteTenantStores({ file }) })
  const before = await open(folder.at('tessera.db'))
  const [code, unused] = [await approved(before), await approved(before)]
  const first = (await poll(before, code)).json.refresh_token
  await backUp(folder.at('tessera.db'), folder.at('backup'), {
    name: 'root_keys',
    changed: 'the root keys changed',
  })
  const second = (await refresh(before, first)).json.refresh_token
  const lost = (await poll(before, unused)).json.refresh_token
  await before.close()

  const restored = await open(folder.at('backup', 'tessera.db'))
  assert.equal((await poll(restored, code)).json.refresh_token, first)
  assertRefused(await refresh(restored, second), 'invalid_grant', 'refresh_generation_ahead')
  assertRefused(await poll(restored, code), 'invalid_grant', 'authorization_revoked')
  assertRefused(await refresh(restored, first), 'invalid_grant', 'authorization_revoked')
  // Nothing shows that this code was used. A device that polls again needs no new approval.
  assertRefused(await refresh(restored, lost), 'invalid_grant', 'refresh_token_unknown')
  const again = (await poll(restored, unused)).json.refresh_token
  assert.notEqual(again, lost)
  assert.equal((await refresh(restored, again)).status, 200)
  await restored.close()
})

test('device retry: two nodes that race get one refresh token, which a third one repeats after a restart; authorization codes are used once', async () => {
  const shared = await beginShared()
  const open = async () => createTestServer(input, { tenantStores: await shared.open() })
  const nodes = [await open(), await open()]
  const code = await approved(nodes[0]!)
  const raced = await Promise.all(Array.from({ length: 10 }, (_, index) => poll(nodes[index % 2]!, code)))
  assert.deepEqual(new Set(raced.map(({ status }) => status)), new Set([200]))
  const tokens = new Set(raced.map(({ json }) => json.refresh_token))
  assert.equal(tokens.size, 1)
  const online = await approved(nodes[0]!, 'device', ['api1'])
  const once = await Promise.all(nodes.map(node => poll(node, online)))
  assert.deepEqual(once.map(({ status }) => status).toSorted(), [200, 400])

  const form = {
    ...{ grant_type: 'authorization_code', redirect_uri: redirectUri, code_verifier: verifier },
    code: await issueCode(nodes[0]!, { scope: ['api1', 'offline_access', 'openid'] }),
  }
  const redeem = (node: TestServer) => node.token(form, { client: ['web', secret] })
  const redeemed = await Promise.all([...nodes, ...nodes].map(redeem))
  assert.equal(redeemed.filter(({ status }) => status === 200).length, 1)

  await Promise.all(nodes.map(node => node.close()))
  const third = await open()
  assert.deepEqual(new Set([(await poll(third, code)).json.refresh_token]), tokens)
  assertRefused(await redeem(third), 'invalid_grant', 'code_replayed')
  await third.close()
})
