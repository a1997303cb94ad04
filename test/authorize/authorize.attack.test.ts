/**
 * Attacks on tokens of the authorization endpoint: concurrent replays, excessively deep documents, confused kinds of
 * token.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redeem, startHybrid, userinfo } from '../support/hybrid.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath } from '../support/sign-in.ts'

test('attack: concurrent redemptions of a code yield tokens once, and all of them are revoked', async () => {
  const { server, browser } = await startHybrid()
  for (const client_id of ['web', 'reference']) {
    const target = authorizePath({ client_id, response_type: 'code id_token token' })
    const answer = answerOf(await browser.visit(target))
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(server, answer, client_id)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    const issued = answers.find(({ status }) => status === 200)?.json.access_token
    for (const token of [issued, answer.get('access_token')]) {
      assert.equal((await userinfo(server, token)).status, 401)
    }
  }
})

test('attack: a front-channel token is not accepted as another kind', async () => {
  const { server, browser } = await startHybrid()
  const answer = answerOf(await browser.visit(authorizePath({ response_type: 'code id_token token' })))
  const [code, idToken, accessToken] = ['code', 'id_token', 'access_token'].map(
    name => answer.get(name) ?? '',
  )
  for (const wrong of [code, idToken]) {
    assert.equal((await userinfo(server, wrong ?? '')).status, 401)
  }
  for (const wrong of [idToken, accessToken]) {
    const { json, reason } = await server.token({
      ...{ grant_type: 'refresh_token', refresh_token: wrong, client_id: 'web' },
    })
    assertRefused({ json, reason }, 'invalid_grant', 'refresh_token_malformed')
  }
  // An access token is not a hint.
  const hinted = authorizePath({ prompt: 'none', id_token_hint: accessToken })
  assert.equal(answerOf(await browser.visit(hinted)).get('error'), 'invalid_request')
})

test('attack: claims that are deep, wide or long are refused with a response', async () => {
  const { browser } = await startHybrid()
  const refused = async (claims: string) =>
    answerOf(await browser.visit(authorizePath({ claims }))).get('error')
  assert.equal(await refused('['.repeat(4000)), 'invalid_request')
  assert.equal(await refused(`{"userinfo":${'{"a":'.repeat(200)}1${'}'.repeat(200)}}`), null)
  const wide = JSON.stringify({
    userinfo: Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`c${at}`, null])),
  })
  assert.equal(await refused(wide), 'invalid_request')
  assert.equal(await refused(JSON.stringify({ userinfo: { ['n'.repeat(5000)]: null } })), 'invalid_request')
})
