import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validateAccessToken, validateIdToken, validateLogoutToken } from '@tessera/client'
import fc from 'fast-check'
import { client_id, createKey, now, sign, startTokenServer, url } from './token-server.ts'

const key = await createKey('ES256')
const { client, issuer } = startTokenServer([key.jwk])
const event = 'http://schemas.openid.net/event/backchannel-logout'

const idToken = {
  ...{ iss: url, sub: 'alice', aud: client_id, exp: now + 300, iat: now, nonce: 'n' },
  ...{ auth_time: now, acr: 'mfa', azp: client_id },
}
const accessToken = {
  ...{ iss: url, sub: 'alice', aud: 'urn:api', exp: now + 300, iat: now, jti: '1', client_id: 'app' },
  ...{ scope: 'api', auth_time: now, acr: 'mfa' },
}
const logoutToken = {
  ...{ iss: url, aud: client_id, iat: now, exp: now + 120, jti: '1', sid: 'session' },
  events: { [event]: {} },
}

const kinds: Readonly<
  Record<string, readonly [object, (token: string) => Promise<{ ok: boolean; error?: Error }>, string]>
> = {
  'an ID token': [
    idToken,
    token => validateIdToken(client, token, { nonce: 'n', max_age: 60, acr_values: 'mfa' }),
    'JWT',
  ],
  'an access token': [
    accessToken,
    token =>
      validateAccessToken(issuer, token, {
        audience: 'urn:api',
        scope: 'api',
        acr_values: 'mfa',
        max_age: 60,
      }),
    'at+jwt',
  ],
  'a logout token': [logoutToken, token => validateLogoutToken(client, token), 'logout+jwt'],
}

/** Returns whether a JSON value has no other spelling of the same meaning, such as a list of one audience. */
const isSame = (name: string, value: unknown, expected: unknown): boolean =>
  JSON.stringify(name === 'aud' ? [value].flat() : value) ===
  JSON.stringify(name === 'aud' ? [expected].flat() : expected)

for (const [name, [claims, validate, typ]] of Object.entries(kinds)) {
  test(`${name} with a claim of any other type is refused, and never throws`, async () => {
    assert.ok((await validate(await sign(claims, key, { typ }))).ok)
    const other = fc.oneof(
      ...[fc.boolean(), fc.constant(null), fc.constant({}), fc.constant([]), fc.constant('')],
      ...[fc.array(fc.jsonValue(), { minLength: 1 }), fc.dictionary(fc.string(), fc.jsonValue())],
    )
    const change = fc.tuple(fc.constantFrom(...Object.keys(claims)), other)
    await fc.assert(
      fc.asyncProperty(change, async ([claim, value]) => {
        fc.pre(!isSame(claim, value, claims[claim as keyof typeof claims]))
        const token = await sign({ ...claims, [claim]: value }, key, { typ })
        const validated = await validate(token)
        assert.ok(!validated.ok, `${claim}: ${JSON.stringify(value)}`)
        assert.ok(validated.error?.message && !validated.error.message.includes(token))
      }),
      { numRuns: 300 },
    )
  })

  test(`${name} with any claims is valid or refused, and never throws`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async more => {
        const all = { ...more, ...claims }
        const validated = await validate(await sign(all, key, { typ }))
        assert.equal(typeof validated.ok, 'boolean')
        const without = await validate(await sign(more, key, { typ }))
        assert.ok(!without.ok)
      }),
      { numRuns: 200 },
    )
  })
}
