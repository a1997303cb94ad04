import { startTestServer, type TestServer } from '@tessera/server/testing'
import { test as base, expect } from 'vitest'
import { startApp } from '../app.js'
import { provider } from '../provider.js'

/** Each file has one identity provider and one application. */
const test = base
  .extend('idp', { scope: 'file' }, async ({}, { onCleanup }): Promise<TestServer> => {
    const idp = await startTestServer(provider)
    onCleanup(idp.close)
    return idp
  })
  .extend('app', { scope: 'file' }, async ({ idp }, { onCleanup }) => {
    const app = await startApp({ issuer: idp.issuer })
    onCleanup(app.close)
    return app
  })

test.afterEach(({ idp }) => idp.reset())

test('a user who refuses is told so', async ({ idp, app }) => {
  const { response } = await idp.signIn(`${app.url}/login`, { consent: 'deny' })
  expect(await response?.text()).toContain('access_denied')
})

test('a user who was signed out by an administrator signs in again', async ({ idp, app }) => {
  const { browser } = await idp.signIn(`${app.url}/login`, { user: 'alice' })
  expect(await idp.signOut('alice')).toBe(1)
  const { response } = await browser.signIn(`${app.url}/login`, { user: 'bob' })
  expect(await response?.text()).toContain('Hello Bob')
})

test('a failing identity provider becomes an error of the application', async ({ idp, app }) => {
  idp.faults.fail('token', 503)
  const { response } = await idp.signIn(`${app.url}/login`)
  expect(response?.status).toBe(502)
})

test('a revoked user can no longer refresh', async ({ idp, app }) => {
  const { browser } = await idp.signIn(`${app.url}/login`, { user: 'alice' })
  await idp.revoke({ user: 'alice' })
  expect((await browser.fetch(`${app.url}/refresh`)).status).toBe(502)
  expect(idp.log.findLast(({ event }) => event === 'refused')?.reason).toBe('authorization_revoked')
})
