/**
 * Errors of the token endpoint tell an authenticated client what was wrong; others learn nothing about a stored
 * credential. A new reason needs a description, an explanation, or the decision that it is not explained.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explanations } from '../../packages/server/src/messages/explanations.ts'
import { challenge, issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { textsOf } from '../support/repository.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients } from '../support/world.ts'

const client = {
  grant_types: ['authorization_code', 'refresh_token', 'password'],
  redirect_uris: [redirectUri],
  scope: 'openid api1 offline_access',
}
const input = withClients(
  { ...client, client_id: 'proven', client_secrets: [{ value: secret }] } as never,
  { ...client, client_id: 'other', client_secrets: [{ value: secret }] } as never,
  { ...client, client_id: 'public', token_endpoint_auth_method: 'none' } as never,
)

type Fields = Readonly<Record<string, string>>

/** Sends a token request as the client, authenticated if it can. */
const ask = (server: TestServer, client_id: string, form: Fields) =>
  client_id === 'public'
    ? server.token({ ...form, client_id })
    : server.token(form, { client: [client_id, secret] })

const codeOf = (server: TestServer, client_id: string) =>
  issueCode(server, { client_id }, { code_challenge: challenge, code_challenge_method: 'S256' })
const redeem = (code: string, changes: Fields = {}): Fields => ({
  ...{ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
  ...changes,
})

/** Each is refused with the reason. */
const refusals = {
  code_unknown: async () => redeem(`tc_${'A'.repeat(43)}`),
  code_of_another_client: async server => redeem(await codeOf(server, 'other')),
  code_expired: async (server, id) => {
    const code = await codeOf(server, id)
    server.clock.advance(301)
    return redeem(code)
  },
  code_replayed: async (server, id) => {
    const code = await codeOf(server, id)
    assert.equal((await ask(server, id, redeem(code))).status, 200)
    return redeem(code)
  },
  redirect_uri_differs: async (server, id) =>
    redeem(await codeOf(server, id), { redirect_uri: 'https://app.example/else' }),
  code_verifier_missing: async (server, id) => ({
    ...{ grant_type: 'authorization_code', code: await codeOf(server, id), redirect_uri: redirectUri },
  }),
  code_verifier_wrong: async (server, id) =>
    redeem(await codeOf(server, id), { code_verifier: 'x'.repeat(43) }),
  refresh_token_malformed: async () => ({ grant_type: 'refresh_token', refresh_token: 'tr_x' }),
} as const satisfies Partial<
  Record<keyof typeof explanations, (server: TestServer, client_id: string) => Promise<Fields>>
>

for (const [reason, request] of Object.entries(refusals)) {
  test(`explanations: an authenticated client gets an explanation of ${reason}, a public one does not [RFC 6749 §5.2]`, async () => {
    const server = await createTestServer(input)
    const proven = await ask(server, 'proven', await request(server, 'proven'))
    assertRefused(proven, 'invalid_grant', reason)
    assert.equal(proven.json.error_description, explanations[reason as keyof typeof refusals])
    const unproven = await ask(server, 'public', await request(server, 'public'))
    assertRefused(unproven, 'invalid_grant', reason)
    assert.equal(unproven.json.error_description, undefined)
  })
}

test('explanations: an unknown user and a wrong password get the same error at every client', async () => {
  const server = await createTestServer(input)
  const describe = async (username: string) => {
    const answer = await ask(server, 'proven', { grant_type: 'password', username, password: 'wrong' })
    assertRefused(answer, 'invalid_grant', 'credentials_refused')
    return answer.body
  }
  assert.equal(await describe('bob'), await describe('nobody'))
})

test('explanations: reasons that depend on whether a user exists or is active have no separate text', () => {
  const ofUsers = [
    'authorization_revoked',
    'no_longer_valid',
    'user_inactive',
    'user_of_another_tenant',
    'subject_is_a_client',
  ] as const
  assert.equal(new Set(ofUsers.map(reason => explanations[reason])).size, 1)
  const ofOthers = ['code', 'device_code', 'refresh_token'] as const
  for (const kind of ofOthers)
    assert.equal(explanations[`${kind}_of_another_client`], explanations[`${kind}_unknown`])
})

test('explanations: each is one sentence in the characters of error_description [RFC 6749 §5.2]', () => {
  for (const text of Object.values(explanations))
    if (text !== undefined) assert.match(text, /^\w[\x20\x21\x23-\x5B\x5D-\x7E]{10,100}\w$/)
})

const places = [
  'packages/server/src/endpoints/{token,par,deviceauthorization,introspection,revocation}/**/*.ts',
  'packages/server/src/authorization-request/*.ts',
  'packages/server/src/proof/*.ts',
  'packages/server/src/tokens/*.ts',
  'packages/server/src/identity/{sign-in,password-guesses,attempt-limits}.ts',
  'packages/protocol/src/*.ts',
]

test('explanations: every reason to refuse a client has a text, or is listed as not explained', () => {
  const found = places
    .flatMap(place => [...textsOf(place).values()])
    .flatMap(text => [
      ...text.matchAll(/\brefuse\(\s*[^,;()]+?,\s*'([a-z\d_]+)'(\)|,\s*\{[^;]*?\n? {0,8}\}\))/g),
    ])
  assert.ok(found.length > 80, `only ${found.length} were found`)
  const silent = found.filter(([, , more = '']) => !/\bdescription\b/.test(more)).map(([, reason]) => reason)
  assert.ok(silent.length > 20, `only ${silent.length} were found`)
  assert.deepEqual(
    [...new Set(silent)].filter(reason => !Object.hasOwn(explanations, reason ?? '')),
    [],
  )
})
