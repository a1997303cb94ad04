/** Clients that are made, changed and removed while the server runs. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Administration } from '../../packages/server/src/administration/interface.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const actor = 'tester'

const file = {
  api_scopes: [{ name: 'api1' }],
  clients: [
    {
      client_id: 'filed',
      client_secrets: [{ value: 'secret' }],
      grant_types: ['client_credentials'],
      scope: 'api1',
    },
  ],
}

const service = {
  client_id: 'made',
  client_name: 'Made',
  client_secrets: [{ value: 'top secret' }],
  grant_types: ['client_credentials'],
  scope: 'api1',
}

const tokenOf = (server: TestServer, id: string, secret: string) =>
  server.token({ grant_type: 'client_credentials', scope: 'api1' }, { client: [id, secret] })

/** Returns the value of an outcome that must be one. */
function made<Value>(outcome: { readonly ok: true; readonly value: Value } | { readonly ok: false }): Value {
  assert.ok(outcome.ok, JSON.stringify(outcome))
  return outcome.value
}

const clientsOf = (server: TestServer): Administration['clients'] => server.administration.clients

test('administration: a client gets tokens as soon as it is made, and none after it is disabled or removed', async () => {
  const server = await createTestServer(file)
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 401)
  const { entry, secret } = made(await clientsOf(server).create(service, { actor }))
  assert.equal(secret, undefined)
  assert.deepEqual([entry.id, entry.version, entry.origin], ['made', 1, 'stored'])
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 200)
  assert.equal((await tokenOf(server, 'made', 'wrong')).status, 401)
  const { entry: shown } = made(await clientsOf(server).get('made'))
  made(await clientsOf(server).replace('made', { ...shown, enabled: false }, { actor, version: 1 }))
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 401)
  made(await clientsOf(server).replace('made', { ...shown, enabled: true }, { actor }))
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 200)
  made(await clientsOf(server).remove('made', { actor }))
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 401)
  assert.equal((await clientsOf(server).get('made')).ok, false)
})
