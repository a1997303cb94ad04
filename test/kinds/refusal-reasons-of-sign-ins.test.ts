/**
 * Reasons of refusals that need some steps before: a sign-in, a second factor, a certificate, or a concurrent request.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { one, two } from '../support/certificates.ts'
import { enrolApp } from '../support/factors.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

test('refused: acr_not_reached if an essential acr can’t be reached [OpenID Connect Core 1.0 §5.5.1.1]', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:out-of-reach' } } })
  const answer = answerOf(await signIn(browser, authorizePath({ claims })))
  assert.equal(answer.get('error'), 'unmet_authentication_requirements')
  assert.equal(server.reason(), 'acr_not_reached')
})

test('refused: signed_in_as_another_user if the hint is for another user [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const server = await createTestServer(pagesWorld)
  const claims = JSON.stringify({ id_token: { sub: { value: '2' } } })
  const answer = answerOf(await signIn(createBrowser(server), authorizePath({ claims }), alice))
  assert.equal(answer.get('error'), 'login_required')
  assert.equal(server.reason(), 'signed_in_as_another_user')
})

test('refused: request_too_long if it does not fit into the URLs of the pages', async () => {
  const server = await createTestServer(pagesWorld)
  const answer = answerOf(
    await createBrowser(server).visit(
      authorizePath({
        state: 'x'.repeat(4000),
        nonce: 'n',
        resource: 'urn:api',
        acr_values: 'y'.repeat(2000),
        ui_locales: 'z '.repeat(400),
        scope: `openid ${'api1 '.repeat(800)}`,
      }),
    ),
  )
  assert.equal(answer.get('error'), 'invalid_request')
  assert.equal(server.reason(), 'request_too_long')
})

test('refused: factor_not_named if a form names no second factor', async () => {
  const server = await createTestServer({ ...pagesWorld, mfa: { mode: 'required' } })
  const browser = createBrowser(server)
  await enrolApp(server, browser, '/account/security')
  const page = await browser.visit('/account/security')
  assert.ok(page.form, page.text)
  const { csrf_token, csrf } = page.form.fields
  const guard = csrf_token === undefined ? { csrf: csrf ?? '' } : { csrf_token }
  await browser.request('POST', '/account/security', {
    form: { ...page.form.fields, ...guard, button: 'remove', id: '', method: '' },
  })
  assert.equal(server.reason(), 'factor_not_named')
})

test('refused: password_unfit if a new user chooses a weak password', async () => {
  const server = await createTestServer(accountsWorld({ sign_up: true, email_verification: 'off' }))
  const browser = createBrowser(server)
  const page = await browser.visit('/register?continue=')
  await browser.submit(page, { username: 'newcomer', email: 'new@example.com', new_password: 'short' })
  assert.equal(server.reason(), 'password_unfit')
})

test('refused: username_malformed and account_unknown in calls of an operator', async () => {
  const server = await createTestServer(accountsWorld())
  const added = await server.accounts.add({ ...dora, username: ' \u200b' })
  assert.ok(!added.ok)
  assert.equal(added.reason, 'username_malformed')
  const removed = await server.accounts.remove('nobody')
  assert.ok(!removed.ok)
  assert.equal(removed.reason, 'account_unknown')
})

test('refused: account_configured for the deletion of a user who could sign in again at once', async () => {
  const server = await createTestServer(world)
  const { personalData, configuration } = server
  const refused = await personalData.erase(configuration.users[0]!.sub, 'operator')
  assert.ok(!refused.ok)
  assert.equal(refused.reason, 'account_configured')
})

test('refused: account_changed for one of two concurrent changes', async () => {
  const server = await createTestServer(accountsWorld())
  const user = await server.accounts.find(await addUser(server))
  assert.ok(user)
  const changes = await Promise.all(
    ['a', 'b'].map(name => server.accounts.update(user, { claims: { name } })),
  )
  assert.deepEqual(changes.map(change => (change.ok ? 'ok' : change.reason)).toSorted(), [
    'account_changed',
    'ok',
  ])
})

test('refused: validator_refused with the error that the validator chose', async () => {
  const validators = {
    tokenRequest: () => ({ ok: false, error: 'invalid_request', description: 'not today' }) as const,
  }
  const server = await createTestServer({ ...world, validators })
  const answer = await server.token(
    { grant_type: 'client_credentials', scope: 'api1' },
    { client: ['client', secret] },
  )
  assertRefused(answer, 'invalid_request', 'validator_refused')
})

const bound = {
  ...withClients(
    {
      client_id: 'app',
      token_endpoint_auth_method: 'none',
      tls_client_certificate_bound_access_tokens: true,
      grant_types: ['password', 'refresh_token'],
      scope: 'openid api1 offline_access',
    } as never,
    { client_id: 'roclient', tls_client_certificate_bound_access_tokens: true } as never,
  ),
  mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
}

test('refused: refresh_token_bound_to_another_key if a public client presents another certificate [RFC 8705 §4]', async () => {
  const server = await createTestServer(bound)
  const first = await server.token(
    {
      grant_type: 'password',
      username: 'bob',
      password: 'bob',
      scope: 'openid offline_access',
      client_id: 'app',
    },
    { certificate: one },
  )
  assert.equal(first.status, 200, first.body)
  const refresh = { grant_type: 'refresh_token', refresh_token: first.json.refresh_token, client_id: 'app' }
  assertRefused(
    await server.token(refresh, { certificate: two }),
    'invalid_grant',
    'refresh_token_bound_to_another_key',
  )
  assert.equal((await server.token(refresh, { certificate: one })).status, 200)
})

for (const role of ['subject', 'actor'] as const)
  test(`refused: ${role}_token_bound_to_another_key if the exchange does not present its certificate [RFC 8705 §3]`, async () => {
    const server = await createTestServer(bound)
    const tokenOf = async (certificate?: string) =>
      (
        await server.token(
          { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1' },
          { client: ['roclient', secret], ...(certificate !== undefined && { certificate }) },
        )
      ).json.access_token
    const type = 'urn:ietf:params:oauth:token-type:access_token'
    const plain = await createPlainToken(server)
    const tokens =
      role === 'subject'
        ? { subject_token: await tokenOf(one) }
        : { subject_token: plain, actor_token: await tokenOf(one), actor_token_type: type }
    const answer = await server.token(
      { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', ...tokens, subject_token_type: type },
      { client: ['exchanger', secret] },
    )
    const reasons = {
      subject: 'subject_token_bound_to_another_key',
      actor: 'actor_token_bound_to_another_key',
    }
    assertRefused(answer, 'invalid_request', reasons[role])
  })

const createPlainToken = async (server: TestServer): Promise<string> =>
  (
    await server.token(
      { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1' },
      { client: ['onlypassword', secret] },
    )
  ).json.access_token
