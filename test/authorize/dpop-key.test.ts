/** Codes that are bound to a key by `dpop_jkt` or by a proof at the PAR endpoint (RFC 9449 §10). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser, type Page } from '../support/browser.ts'
import { createProver } from '../support/dpop.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { type Answer, createTestServer, startOfTime } from '../support/tessera.ts'

const server = await createTestServer(pagesWorld)
const prover = await createProver()
const other = await createProver()

const redeem = (page: Page, dpop?: string): Promise<Answer> =>
  server.token(
    {
      ...{ grant_type: 'authorization_code', client_id: 'web', code: answerOf(page).get('code') ?? '' },
      ...{ redirect_uri: callback, code_verifier: verifier },
    },
    { headers: dpop === undefined ? {} : { dpop } },
  )

const push = (form: object, dpop?: string): Promise<Answer> => {
  const asked = new URLSearchParams(authorizePath().split('?')[1])
  return server.send('POST', '/connect/par', {
    form: { ...Object.fromEntries(asked), ...form },
    headers: dpop === undefined ? {} : { dpop },
  })
}
const pushed = (request_uri: string): string =>
  `/connect/authorize?${new URLSearchParams({ client_id: 'web', request_uri })}`
const atPar = (more: object = {}) => prover.proof({ path: '/connect/par', ...more })

test('authorize: dpop_jkt survives the sign-in pages and binds the code to the key [RFC 9449 §10]', async () => {
  const target = authorizePath({ dpop_jkt: prover.jkt })
  const wrong = await redeem(await signIn(createBrowser(server), target, alice), other.proof())
  assertRefused(wrong, 'invalid_grant', 'code_bound_to_another_key')
  const { json } = await redeem(await signIn(createBrowser(server), target, alice), prover.proof())
  assert.equal(json.token_type, 'DPoP')
  // Without it, any key may redeem the code, and binds the tokens.
  const free = await redeem(await signIn(createBrowser(server), authorizePath(), alice), other.proof())
  assert.equal(free.json.token_type, 'DPoP')
})

test('authorize: a malformed dpop_jkt is refused, and ignored where DPoP is disabled [RFC 9449 §10]', async () => {
  for (const dpop_jkt of ['x', `${prover.jkt}=`, `${prover.jkt.slice(1)}+`]) {
    const page = await createBrowser(server).visit(authorizePath({ dpop_jkt }))
    assert.equal(answerOf(page).get('error'), 'invalid_request', dpop_jkt)
    assert.equal(server.reason(), 'dpop_jkt_malformed')
  }
  const off = await createTestServer({ ...pagesWorld, dpop: { enabled: false } })
  const page = await createBrowser(off).visit(authorizePath({ dpop_jkt: 'x' }))
  assert.ok(page.form, page.text)
})

test('par: a proof binds the code to its key as dpop_jkt does, and is used once [RFC 9449 §10.1]', async () => {
  const dpop = atPar()
  const { status, json } = await push({}, dpop)
  assert.equal(status, 201, JSON.stringify(json))
  assertRefused(await push({}, dpop), 'invalid_dpop_proof', 'dpop_proof_replayed')
  const wrong = await redeem(await signIn(createBrowser(server), pushed(json.request_uri)), other.proof())
  assertRefused(wrong, 'invalid_grant', 'code_bound_to_another_key')
  const again = (await push({}, atPar())).json
  const page = await signIn(createBrowser(server), pushed(again.request_uri))
  assert.equal((await redeem(page, prover.proof())).json.token_type, 'DPoP')
})

test('par: of concurrent requests with one proof, at two nodes, one is stored; the others are no pending requests [RFC 9449 §11.1]', async () => {
  const shared = await beginShared()
  const settings = { ...pagesWorld, authorization_requests: { max_waiting_per_network: 20 } }
  const open = async () => createTestServer(settings, { tenantStores: await shared.open() })
  const nodes = [await open(), await open()]
  const form = Object.fromEntries(new URLSearchParams(authorizePath().split('?')[1]))
  const send = (node: number, dpop: string) =>
    nodes[node % 2]!.send('POST', '/connect/par', { form, headers: { dpop } })
  const dpop = atPar()
  const raced = await Promise.all(Array.from({ length: 20 }, (_, node) => send(node, dpop)))
  assert.deepEqual(raced.map(({ status }) => status).toSorted(), [
    201,
    ...Array.from({ length: 19 }, () => 400),
  ])
  const lost = raced.find(({ status }) => status === 400)!
  assertRefused(lost, 'invalid_dpop_proof', 'dpop_proof_replayed')
  for (let count = 0; count < 19; count++) assert.equal((await send(count, atPar())).status, 201)
  assert.equal((await send(0, atPar())).reason, 'too_many_waiting')
})

test('par: dpop_jkt alone binds too, and must agree with the proof [RFC 9449 §10.1]', async () => {
  const { json } = await push({ dpop_jkt: prover.jkt })
  const page = await signIn(createBrowser(server), pushed(json.request_uri))
  assertRefused(await redeem(page), 'invalid_grant', 'code_bound_to_another_key')
  assert.equal((await push({ dpop_jkt: prover.jkt }, atPar())).status, 201)
  const differs = await push({ dpop_jkt: other.jkt }, atPar())
  assertRefused(differs, 'invalid_request', 'dpop_jkt_differs')
})

test('par: an invalid proof is refused [RFC 9449 §10.1]', async () => {
  for (const [reason, dpop] of [
    ['dpop_url_wrong', prover.proof()],
    ['dpop_time_wrong', atPar({ at: startOfTime - 600 })],
    ['dpop_proof_malformed', 'x'],
  ] as const) {
    const answer = await push({}, dpop)
    assert.equal(answer.status, 400)
    assertRefused(answer, 'invalid_dpop_proof', reason)
  }
  const strict = await createTestServer({ ...pagesWorld, dpop: { require_nonce: true } })
  const send = (dpop: string) =>
    strict.send('POST', '/connect/par', {
      form: Object.fromEntries(new URLSearchParams(authorizePath().split('?')[1])),
      headers: { dpop },
    })
  const first = await send(atPar())
  assertRefused(first, 'use_dpop_nonce', 'dpop_nonce_missing')
  const nonce = String(first.headers['dpop-nonce'])
  assert.equal((await send(atPar({ nonce }))).status, 201)
})

test('authorize, par: a key is refused for a client whose tokens are bound to its certificate, before it gets a code', async () => {
  const certified = await createTestServer({
    ...pagesWorld,
    mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
    clients: pagesWorld.clients.map(client => ({
      ...client,
      tls_client_certificate_bound_access_tokens: true,
    })),
  })
  const page = await createBrowser(certified).visit(authorizePath({ dpop_jkt: prover.jkt }))
  assert.equal(answerOf(page).get('error'), 'invalid_request')
  assert.equal(certified.reason(), 'dpop_for_certificate_client')
  const form = Object.fromEntries(new URLSearchParams(authorizePath().split('?')[1]))
  const answer = await certified.send('POST', '/connect/par', { form, headers: { dpop: atPar() } })
  assertRefused(answer, 'invalid_request', 'dpop_for_certificate_client')
})
