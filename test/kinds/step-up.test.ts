/**
 * Each action of the account pages, and what it requires of a signed-in browser: a sign-in within ten minutes, and the
 * second factor of a user who has one, even if the browser is remembered.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora, doraSignsIn } from '../support/accounts.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { type App, finishEnrolment } from '../support/factors.ts'
import { signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { assertCovers, everyEndpoint } from './coverage.ts'

type Row = {
  readonly fields: Readonly<Record<string, string>>
  /** `both`: recent sign-in and second factor; `factor`: the second factor only; otherwise the reason for neither. */
  readonly asks: 'both' | 'factor' | { readonly nothing: string }
}

const rows: Readonly<Record<string, Row>> = {
  'POST /account/connections': { fields: { button: 'connect', provider: 'corp' }, asks: 'both' },
  'POST /account/security': { fields: { button: 'codes' }, asks: 'both' },
  'POST /account/email': { fields: { email: 'thief@example.com' }, asks: 'both' },
  'POST /account/delete': { fields: {}, asks: 'both' },
  'POST /account/password': {
    // The current password replaces a recent sign-in.
    fields: { password: dora.password, new_password: 'eleven green bottles' },
    asks: 'factor',
  },
  'POST /account/name': {
    fields: { full_name: 'Dora' },
    asks: { nothing: 'a display name lets nobody in' },
  },
  'POST /account/consents': {
    fields: { button: 'revoke', client_id: 'web' },
    asks: { nothing: 'it takes access away' },
  },
  'POST /account/sessions': {
    fields: { button: 'end_others' },
    asks: { nothing: 'it takes access away' },
  },
}
const others: readonly { readonly of: string; readonly fields: Row['fields'] }[] = [
  { of: 'POST /account/security', fields: { button: 'enrol', ticket: 'x', code: '000000' } },
  { of: 'POST /account/security', fields: { button: 'passkey_enrol', ticket: 'x', credential: '{}' } },
  { of: 'POST /account/security', fields: { button: 'remove', method: 'totp' } },
  { of: 'POST /account/security', fields: { button: 'rename', id: 'x', name: 'y' } },
  { of: 'POST /account/connections', fields: { button: 'disconnect', provider: 'corp', identity: 'x' } },
]

test('account: each action has a row with its requirements', async () => {
  const actions = (await everyEndpoint()).filter(endpoint => endpoint.startsWith('POST /account'))
  assertCovers(Object.keys(rows), actions, 'account action')
})

async function start() {
  const server = await createTestServer({
    ...accountsWorld({ self_deletion: true }),
    mfa: { mode: 'if_enrolled', remember_browser_days: 7 },
  })
  const sub = await addUser(server)
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  const { app } = await finishEnrolment(server, browser, await browser.visit('/account/security?add=totp'))
  return { server, browser, app, sub }
}

/** Signs in again, with the code, and lets the browser be remembered. */
async function signInAgain(server: TestServer, browser: Browser, app: App): Promise<void> {
  server.clock.advance(60)
  browser.cookies.delete('__Host-tessera_session')
  const asked = await signIn(browser, '/account', doraSignsIn)
  await browser.submit(asked, { code: app.code(), remember: 'yes', button: 'verify' })
}

const post = (browser: Browser, endpoint: string, csrf: string, fields: Row['fields']): Promise<Page> =>
  browser.request('POST', endpoint.replace('POST ', ''), { form: { csrf, ...fields } })

const csrfOf = async (browser: Browser): Promise<string> =>
  (await browser.visit('/account/sessions')).form?.fields.csrf ?? ''

const attempts = [...Object.entries(rows).map(([of, { fields }]) => ({ of, fields })), ...others].map(
  one => ({ ...one, asks: rows[one.of]?.asks }),
)

for (const { of, fields, asks } of attempts) {
  const name = `${of} ${fields.button ?? ''}`.trim()
  const nothing = typeof asks === 'object'

  test(`account: in a remembered browser, ${name} ${nothing ? 'needs no' : 'needs the'} second factor`, async () => {
    const { server, browser, app, sub } = await start()
    await signInAgain(server, browser, app)
    browser.cookies.delete('__Host-tessera_session')
    assert.equal((await signIn(browser, '/account', doraSignsIn)).target, '/account', 'it is not remembered')
    const before = await server.accounts.find(sub)
    const answer = await post(browser, of, await csrfOf(browser), fields)
    if (nothing) return assert.doesNotMatch(answer.location ?? '', /^\/(mfa|login)/)
    assert.match(answer.location ?? '', /^\/mfa\?/)
    assert.deepEqual(await server.accounts.find(sub), before)
  })

  test(`account: ten minutes after the sign-in, ${name} ${asks === 'both' ? 'needs another one' : 'goes on'}`, async () => {
    const { server, browser, app, sub } = await start()
    await signInAgain(server, browser, app)
    server.clock.advance(599)
    const csrf = await csrfOf(browser)
    server.clock.advance(1)
    const before = await server.accounts.find(sub)
    const answer = await post(browser, of, csrf, fields)
    if (asks !== 'both') return assert.doesNotMatch(answer.location ?? '', /^\/(mfa|login)/)
    assert.match(answer.location ?? '', /^\/login\?/)
    assert.deepEqual(await server.accounts.find(sub), before)
  })
}
