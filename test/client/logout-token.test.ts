import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, type LogoutTokenOptions, validateLogoutToken } from '@tessera/client'
import { SignJWT } from 'jose'
import { endSessionPath, logoutTokenOf, signInAt, startLogoutWorld } from '../support/logout-world.ts'
import { claimsOf, issuer } from '../support/tessera.ts'
import { client_id, createKey, now, sign, startTokenServer, url } from './token-server.ts'

const key = await createKey('ES256')
const { client } = startTokenServer([key.jwk])
const event = 'http://schemas.openid.net/event/backchannel-logout'
const valid = {
  ...{ iss: url, aud: client_id, iat: now, exp: now + 120, jti: '1' },
  ...{ sub: 'alice', sid: 'session', events: { [event]: {} } },
}

type Case = { readonly claims?: object; readonly header?: object; readonly options?: LogoutTokenOptions }

const validate = async ({ claims, header, options }: Case) =>
  validateLogoutToken(
    client,
    await sign({ ...valid, ...claims }, key, { typ: 'logout+jwt', ...header }),
    options,
  )

const accepted: Readonly<Record<string, Case>> = {
  'with the claims of the specification [§2.4]': {},
  'for a user without a session': { claims: { sid: undefined } },
  'for a session without a user': { claims: { sub: undefined } },
  'with other events as well': { claims: { events: { x: {}, [event]: {} } } },
  'with members in the event': { claims: { events: { [event]: { x: 1 } } } },
  'of a server that gives all tokens the type JWT': { header: { typ: 'JWT' } },
  'of a server that gives tokens no type': { header: { typ: undefined } },
  'that was not used before': { options: { rememberId: async () => true } },
}

for (const [name, one] of Object.entries(accepted))
  test(`a logout token is accepted ${name}`, async () => {
    const validated = await validate(one)
    assert.ok(validated.ok, validated.ok ? '' : validated.error.message)
    assert.equal(validated.value.jti, '1')
  })

const refused: Readonly<Record<string, readonly [string, Case]>> = {
  'that has the type of another token': ['type_mismatch', { header: { typ: 'at+jwt' } }],
  'of another issuer [§2.6 (3)]': ['issuer_mismatch', { claims: { iss: 'https://other.example' } }],
  'for another client [§2.6 (3)]': ['audience_mismatch', { claims: { aud: 'other' } }],
  'without an audience': ['audience_mismatch', { claims: { aud: undefined } }],
  'without the time of issue': ['claim_missing', { claims: { iat: undefined } }],
  'without an expiry': ['claim_missing', { claims: { exp: undefined } }],
  'that has expired [§2.6 (3)]': ['token_expired', { claims: { exp: now - 30 } }],
  'that was issued in the future': ['issued_in_future', { claims: { iat: now + 31 } }],
  'without an id [§2.4]': ['claim_missing', { claims: { jti: undefined } }],
  'with neither user nor session [§2.6 (4)]': [
    'claim_missing',
    { claims: { sub: undefined, sid: undefined } },
  ],
  'with a user that is not a string': ['claim_invalid', { claims: { sub: 7 } }],
  'with an empty session': ['claim_invalid', { claims: { sid: '' } }],
  'without events [§2.6 (5)]': ['type_mismatch', { claims: { events: undefined } }],
  'with another event [§2.6 (5)]': ['type_mismatch', { claims: { events: { x: {} } } }],
  'with events in a list [§2.6 (5)]': ['type_mismatch', { claims: { events: [event] } }],
  'with an event that is not an object [§2.6 (5)]': [
    'type_mismatch',
    { claims: { events: { [event]: true } } },
  ],
  'with a nonce [§2.6 (6)]': ['type_mismatch', { claims: { nonce: 'n' } }],
  'that was used before [§2.6 (7)]': ['token_replayed', { options: { rememberId: () => false } }],
  'with another algorithm than the caller accepts': [
    'algorithm_not_allowed',
    { options: { algorithms: ['RS256'] } },
  ],
}

for (const [name, [code, one]] of Object.entries(refused))
  test(`a logout token is refused ${name}`, async () => {
    const validated = await validate(one)
    assert.ok(!validated.ok)
    assert.equal(validated.error.code, code)
  })

test('a logout token is remembered until it is no longer accepted, and only if it is valid', async () => {
  const remembered: unknown[] = []
  const rememberId: LogoutTokenOptions['rememberId'] = (...id) => {
    remembered.push(id)
    return remembered.length === 1
  }
  assert.ok(!(await validate({ claims: { nonce: 'n' }, options: { rememberId } })).ok)
  assert.ok((await validate({ options: { rememberId } })).ok)
  const replayed = await validate({ options: { rememberId } })
  assert.equal(!replayed.ok && replayed.error.code, 'token_replayed')
  assert.deepEqual(remembered, Array(2).fill(['1', now + 150]))
})

test('a logout token that is signed with the secret is accepted if the caller passes it', async () => {
  const secret = 's'.repeat(32)
  const token = await new SignJWT(valid).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret))
  assert.ok((await validateLogoutToken(client, token, { client_secret: secret })).ok)
  const refused = await validateLogoutToken(client, token)
  assert.equal(!refused.ok && refused.error.code, 'algorithm_not_allowed')
})

for (const client_id of ['shop', 'wiki'])
  test(`a logout token that Tessera sends to ${client_id} is accepted, by this client only`, async () => {
    const { server, browser, posts } = await startLogoutWorld()
    const tokens = await signInAt(server, browser, ['shop', 'wiki'])
    await browser.visit(endSessionPath({ id_token_hint: tokens[client_id].id_token }))
    await server.settled()
    const post = posts.find(({ url }) => url.includes(client_id))
    assert.ok(post)
    const clientOf = (client_id: string) =>
      createClient({
        issuer,
        client_id,
        now: server.clock.now,
        fetch: async url => {
          const { body, status } = await server.send('GET', url.slice(issuer.length))
          return new Response(body, { status })
        },
      })
    const validated = await validateLogoutToken(clientOf(client_id), logoutTokenOf(post))
    assert.ok(validated.ok, validated.ok ? '' : validated.error.message)
    assert.equal(validated.value.sid, claimsOf(tokens[client_id].id_token).sid)
    const other = await validateLogoutToken(clientOf('web'), logoutTokenOf(post))
    assert.equal(!other.ok && other.error.code, 'audience_mismatch')
  })
