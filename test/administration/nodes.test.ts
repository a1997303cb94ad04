/** Entries at several nodes, after a restart, and in the stores of tenants. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openAdministration } from '../../packages/server/src/app/administration.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer, issuer, masterKey } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { actor, made, refused, service, tokenOf } from './outcomes.ts'

const file = {
  api_scopes: [{ name: 'api1' }],
  tenants: [{ name: 'acme', issuer: 'path', clients: [] }],
}
const options = { timeout: 60_000 }

test(
  'administration: what one node or the command line makes is at the others within a second, and after a restart',
  options,
  async () => {
    const { storage, open } = await beginShared()
    const begin = async () => createTestServer(file, { tenantStores: await open() })
    const [one, other] = [await begin(), await begin()]
    made(await one.administration.clients.create(service(), { actor }))
    await until('the node follows', async () => (await tokenOf(other, 'made', 'top secret')).status === 200)
    const parsed = parseConfiguration(
      { issuer, storage, ...file },
      { environment: { TESSERA_MASTER_KEY: masterKey } },
    )
    assert.ok(parsed.ok)
    const { configuration } = parsed
    const administration = await openAdministration(configuration, configuration)
    made(await administration.api_scopes.create({ name: 'orders' }, { actor }))
    made(await administration.clients.replace('made', service({ scope: 'orders' }), { actor }))
    await administration.close()
    for (const node of [one, other])
      await until(
        'the node follows',
        async () => (await tokenOf(node, 'made', 'top secret', 'orders')).status === 200,
      )
    made(await one.administration.clients.remove('made', { actor }))
    await until(
      'the other node refuses it',
      async () => (await tokenOf(other, 'made', 'top secret', 'orders')).status === 401,
    )
    // Two nodes together can't make a client that refers to nothing.
    const client = service({ client_id: 'racing', scope: 'orders' })
    const outcomes = await Promise.all([
      other.administration.clients.create(client, { actor }),
      one.administration.api_scopes.remove('orders', { actor }),
    ])
    assert.equal(outcomes.filter(({ ok }) => ok).length, 1)
    const [isMade] = outcomes.map(({ ok }) => ok)
    await Promise.all([one.close(), other.close()])
    const restarted = await begin()
    assert.equal((await tokenOf(restarted, 'racing', 'top secret', 'orders')).status, isMade ? 200 : 401)
    await restarted.close()
  },
)

test(
  'administration: a tenant with its own issuer has its own clients and scopes, in its own store',
  options,
  async () => {
    const { storage, open } = await beginShared()
    const server = await createTestServer(file, { tenantStores: await open() })
    const parsed = parseConfiguration(
      { issuer, storage, ...file },
      { environment: { TESSERA_MASTER_KEY: masterKey } },
    )
    assert.ok(parsed.ok)
    const { configuration } = parsed
    const acme = await openAdministration(configuration, configuration.tenantIssuers.get('acme')!)
    made(await acme.api_scopes.create({ name: 'orders' }, { actor }))
    made(await acme.clients.create(service({ scope: 'orders api1' }), { actor }))
    assert.equal(refused(await acme.tenants.create({ name: 'inner' }, { actor })), 'entry_invalid, (top)')
    const token = async (base: string) =>
      (
        await server.send('POST', `${base}/connect/token`, {
          form: {
            ...{ grant_type: 'client_credentials', scope: 'orders' },
            ...{ client_id: 'made', client_secret: 'top secret' },
          },
        })
      ).status
    assert.equal(await token('/t/acme'), 200)
    assert.equal(await token(''), 401)
    // An active issuer follows changes too.
    made(await acme.api_scopes.create({ name: 'later' }, { actor }))
    await until('the node follows', async () => {
      const { json } = await server.send('GET', '/t/acme/.well-known/openid-configuration')
      return json.scopes_supported.includes('later')
    })
    assert.equal(await token('/t/acme'), 200)
    await acme.close()
    await server.close()
  },
)
