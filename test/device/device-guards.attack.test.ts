/** Checks between the page that shows a device's code and the decision of its user (RFC 8628 §3.3). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import type { TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { pagesWorld, signIn } from '../support/sign-in.ts'
import { openTenantStores } from '../support/storage.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

type Device = { readonly device_code: string; readonly user_code: string }

async function start(tenantStores?: TenantStores) {
  const server = await createTestServer(pagesWorld, tenantStores && { tenantStores })
  return { server, browser: createBrowser(server) }
}

const begin = async (server: TestServer): Promise<Device> =>
  (await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } })).json

const enter = async (browser: Browser, { user_code }: Device): Promise<Page> =>
  browser.submit(await browser.visit('/device'), { user_code })

/** The page that asks a signed-in user to confirm. */
async function asked(server: TestServer, browser: Browser, device: Device): Promise<Page> {
  const login = await enter(browser, device)
  const page = await browser.submit(login, { username: 'alice', password: 'wonderland', button: 'login' })
  assert.ok(page.target.startsWith('/device?'), page.target)
  assert.ok(server)
  return page
}

const statusOf = async (server: TestServer, { device_code }: Device) =>
  (await server.stores.devices.find(hashHandle(device_code)))?.device.status

const changed = (change: Readonly<Record<string, object>>) => ({
  ...pagesWorld,
  clients: pagesWorld.clients.map(client => ({ ...client, ...change[client.client_id] })),
})

test('device: a second factor that became required after the page was shown is asked for first', async () => {
  const { server, browser } = await start()
  const device = await begin(server)
  const page = await asked(server, browser, device)
  await server.reconfigure({ ...pagesWorld, mfa: { mode: 'required' } })
  const next = await browser.submit(page, { button: 'yes' })
  assert.ok(next.target.startsWith('/mfa?'), next.target)
  assert.equal(await statusOf(server, device), 'pending')
})

test('device: the code of a client that was disabled since is unknown', async () => {
  const { server, browser } = await start()
  const device = await begin(server)
  const page = await asked(server, browser, await begin(server))
  await server.reconfigure(changed({ tv: { enabled: false } }))
  assert.equal((await enter(browser, device)).status, 400)
  assert.equal(server.reason(), 'user_code_unknown')
  await browser.submit(page, { button: 'yes' })
  assert.equal(
    server.logged.some(({ event }) => event === 'device_approved'),
    false,
  )
})

test('device: a code is unknown once it was approved or denied', async () => {
  for (const button of ['yes', 'no']) {
    const { server, browser } = await start()
    const device = await begin(server)
    await browser.submit(await asked(server, browser, device), { button })
    assert.equal((await enter(browser, device)).status, 400)
    assert.equal(server.reason(), 'user_code_unknown')
  }
})

test('device: a user who became inactive must sign in again, and approves nothing', async () => {
  const { server, browser } = await start()
  const device = await begin(server)
  const page = await asked(server, browser, device)
  const users = pagesWorld.users.map(user => (user.sub === '1' ? { ...user, active: false } : user))
  await server.reconfigure({ ...pagesWorld, users })
  const next = await browser.submit(page, { button: 'yes' })
  assert.ok(next.target.startsWith('/login?'), next.target)
  assert.equal(await statusOf(server, device), 'pending')
})

test('device: consent revoked during the confirmation approves nothing', async () => {
  const tenantStores = await openTenantStores()
  const { devices, consents } = tenantStores.main
  const approve: typeof devices.approve = async (...given) => {
    await consents.revoke('1', 'tv', given[2])
    return devices.approve(...given)
  }
  const main = { ...tenantStores.main, devices: { ...devices, approve } }
  const { server, browser } = await start({ ...tenantStores, main })
  const device = await begin(server)
  await browser.submit(await asked(server, browser, device), { button: 'yes' })
  assert.ok(server.logged.some(({ event }) => event === 'device_gone'))
  server.clock.advance(5)
  const polled = await server.token({
    ...{ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'tv' },
    device_code: device.device_code,
  })
  assertRefused(polled, 'invalid_grant', 'authorization_revoked')
})

test('device: correct codes are not counted as guesses: a user can approve any number of devices', async () => {
  const { server, browser } = await start()
  await signIn(browser, '/account')
  for (let count = 0; count < 12; count++) {
    const page = await enter(browser, await begin(server))
    assert.equal(page.status, 200, `${count}: ${page.text}`)
  }
})
