import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { enrolApp, methodHref } from '../support/factors.ts'
import { alice, answerOf, authorizePath, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

const required = { ...pagesWorld, mfa: { mode: 'required' } }

async function start(input: object = required) {
  const server = await createTestServer(input)
  return { server, browser: createBrowser(server) }
}

const redeem = async (server: TestServer, code: string | null) => {
  const { json } = await server.token({
    ...{ grant_type: 'authorization_code', client_id: 'web', code: code ?? '' },
    ...{ redirect_uri: 'https://app.example/cb', code_verifier: verifier },
  })
  return claimsOf(json.id_token)
}

test('mfa: who has no factor where one is required sets up an app, keeps ten codes and is signed in', async () => {
  const { server, browser } = await start()
  const { page } = await enrolApp(server, browser, authorizePath())
  const claims = await redeem(server, answerOf(page).get('code'))
  assert.deepEqual([claims.acr, claims.amr], ['2', ['pwd', 'otp', 'mfa']])
})

test('mfa: a right password is asked for the code, and the code signs in', async () => {
  const { server, browser } = await start()
  const { app } = await enrolApp(server, browser, authorizePath())
  server.clock.advance(60)
  const other = createBrowser(server)
  const asked = await signIn(other, authorizePath(), alice)
  assert.ok(asked.target.startsWith('/mfa?'), asked.target)
  assert.ok(!other.cookies.has('__Host-tessera_session'))
  const page = await other.submit(asked, { code: app.code(), button: 'verify' })
  const claims = await redeem(server, answerOf(page).get('code'))
  assert.deepEqual([claims.acr, claims.amr], ['2', ['pwd', 'otp', 'mfa']])
})

test('mfa: a recovery code stands for the app once, and the next sign-in needs another', async () => {
  const { server, browser } = await start()
  const { codes } = await enrolApp(server, browser, authorizePath())
  const byCode = async (code: string) => {
    const other = createBrowser(server)
    const asked = await signIn(other, authorizePath())
    const chosen = await other.visit(methodHref(asked, 'recovery_code'))
    return other.submit(chosen, { code, button: 'verify' })
  }
  const typed = (codes[0] ?? '').toLowerCase().replace('-', ' ')
  const claims = await redeem(server, answerOf(await byCode(typed)).get('code'))
  assert.deepEqual([claims.acr, claims.amr], ['2', ['pwd', 'otp', 'mfa']])
  const again = await byCode(codes[0] ?? '')
  assert.equal(again.status, 400)
  assert.match(again.text, /wrong, or it was used before/)
  assert.equal(server.reason(), 'recovery_code_wrong')
  answerOf(await byCode(codes[1] ?? ''))
})

test('mfa: a code signs in once; the next step’s code does [RFC 6238 §5.2]', async () => {
  const { server, browser } = await start()
  const { app } = await enrolApp(server, browser, authorizePath())
  const other = createBrowser(server)
  const asked = await signIn(other, authorizePath())
  const replayed = await other.submit(asked, { code: app.code(), button: 'verify' })
  assert.equal(replayed.status, 400)
  assert.match(replayed.text, /used before/)
  assert.equal(server.reason(), 'totp_used')
  server.clock.advance(30)
  answerOf(await other.submit(replayed, { code: app.code(), button: 'verify' }))
})
