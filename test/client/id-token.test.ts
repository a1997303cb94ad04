import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IdTokenExpectations, type IdTokenOptions, validateIdToken } from '@tessera/client'
import { SignJWT } from 'jose'
import { client_id, createKey, now, sign, startTokenServer, url } from './token-server.ts'

const key = await createKey('ES256')
const server = startTokenServer([key.jwk])
const { client } = server
const valid = { iss: url, sub: 'alice', aud: client_id, exp: now + 300, iat: now }

type Case = {
  readonly claims?: object
  readonly expected?: IdTokenExpectations
  readonly options?: IdTokenOptions
  readonly header?: object
}

const validate = async ({ claims, expected, options, header }: Case) =>
  validateIdToken(client, await sign({ ...valid, ...claims }, key, header), expected, options)

async function accepts(one: Case): Promise<void> {
  const validated = await validate(one)
  assert.ok(validated.ok, validated.ok ? '' : `${validated.error.code}: ${validated.error.message}`)
  assert.equal(validated.value.sub, { ...valid, ...one.claims }.sub)
}

async function refuses(one: Case, code: string): Promise<void> {
  const validated = await validate(one)
  assert.ok(!validated.ok)
  assert.equal(validated.error.code, code)
  assert.equal(validated.error.kind, code === 'algorithm_not_allowed' ? 'policy' : 'invalid')
}

const others = [client_id, 'other']
/** SHA-256 of `code`: the left half, as another implementation computes it. */
const halfHash = async (text: string): Promise<string> =>
  Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text)))
    .subarray(0, 16)
    .toString('base64url')
const [at_hash, c_hash, s_hash] = await Promise.all(['token', 'code', 'state'].map(halfHash))
const previous = { ...valid, auth_time: now - 100, nonce: 'n1' }

const accepted: Readonly<Record<string, Case>> = {
  'with the claims that are required': {},
  'of the type JWT': { header: { typ: 'JWT' } },
  'with a list of one audience': { claims: { aud: [client_id] } },
  'with several audiences if azp is the client [§3.1.3.7 (4)]': { claims: { aud: others, azp: client_id } },
  'with another audience that is trusted': {
    claims: { aud: others, azp: client_id },
    options: { trustedAudiences: ['other'] },
  },
  'that expired within the clock tolerance': { claims: { exp: now - 29 } },
  'that was issued in the future within the clock tolerance': { claims: { iat: now + 30 } },
  'with the nonce that was sent [§3.1.3.7 (11)]': { claims: { nonce: 'n' }, expected: { nonce: 'n' } },
  'with any nonce if the caller says so': { claims: { nonce: 'n' }, expected: { anyNonce: true } },
  'with an authentication that is as old as max_age [§3.1.3.7 (13)]': {
    claims: { auth_time: now - 90 },
    expected: { max_age: 60 },
  },
  'with an authentication that was recent when it was requested': {
    claims: { auth_time: now - 100 },
    expected: { max_age: 0, requestedAt: now - 100 },
  },
  'with one of the classes of authentication [§3.1.3.7 (12)]': {
    claims: { acr: 'mfa' },
    expected: { acr_values: 'hwk mfa' },
  },
  'with the hash of the access token [§3.1.3.8]': {
    claims: { at_hash },
    expected: { access_token: 'token' },
  },
  'without the hash of the access token from the token endpoint [§3.1.3.8]': {
    expected: { access_token: 'token' },
  },
  'with all hashes of the authorization response [§3.3.2.11]': {
    claims: { nonce: 'n', at_hash, c_hash, s_hash },
    expected: { nonce: 'n', access_token: 'token', code: 'code', state: 'state', frontChannel: true },
  },
  'of the same user and authentication after a refresh [§12.2]': {
    claims: { auth_time: now - 100, nonce: 'n1' },
    expected: { previous },
  },
  'without a nonce and auth_time after a refresh [§12.2]': { expected: { previous } },
}

for (const [name, one] of Object.entries(accepted))
  test(`an ID token is accepted ${name}`, () => accepts(one))

const refused: Readonly<Record<string, readonly [string, Case]>> = {
  'of another issuer [§3.1.3.7 (2)]': ['issuer_mismatch', { claims: { iss: `${url}/` } }],
  'without an issuer': ['issuer_mismatch', { claims: { iss: undefined } }],
  'without a subject [§2]': ['claim_missing', { claims: { sub: undefined } }],
  'with an empty subject': ['claim_invalid', { claims: { sub: '' } }],
  'with a subject that is a number': ['claim_invalid', { claims: { sub: 7 } }],
  'for another client [§3.1.3.7 (3)]': ['audience_mismatch', { claims: { aud: 'other' } }],
  'without an audience': ['audience_mismatch', { claims: { aud: undefined } }],
  'with an audience that is no text': ['audience_mismatch', { claims: { aud: [client_id, 7] } }],
  'with several audiences and no azp [§3.1.3.7 (4)]': ['azp_mismatch', { claims: { aud: others } }],
  'with the azp of another client [§3.1.3.7 (5)]': [
    'azp_mismatch',
    { claims: { aud: others, azp: 'other' } },
  ],
  'with one audience and the azp of another client': ['azp_mismatch', { claims: { azp: 'other' } }],
  'with an audience that is not trusted [§3.1.3.7 (3)]': [
    'audience_not_trusted',
    { claims: { aud: others, azp: client_id }, options: { trustedAudiences: [] } },
  ],
  'with an audience that is not trusted beside one that is': [
    'audience_not_trusted',
    { claims: { aud: [...others, 'third'], azp: client_id }, options: { trustedAudiences: ['other'] } },
  ],
  'that has expired [§3.1.3.7 (9)]': ['token_expired', { claims: { exp: now - 30 } }],
  'that has expired, if there is no tolerance': [
    'token_expired',
    { claims: { exp: now }, options: { clockTolerance: 0 } },
  ],
  'without an expiry': ['claim_missing', { claims: { exp: undefined } }],
  'with an expiry that is a string': ['claim_invalid', { claims: { exp: `${now + 300}` } }],
  'that is not valid yet': ['token_not_yet_valid', { claims: { nbf: now + 31 } }],
  'without the time of issue [§3.1.3.7 (10)]': ['claim_missing', { claims: { iat: undefined } }],
  'that was issued in the future': ['issued_in_future', { claims: { iat: now + 31 } }],
  'with another nonce [§3.1.3.7 (11)]': [
    'nonce_mismatch',
    { claims: { nonce: 'other' }, expected: { nonce: 'n' } },
  ],
  'without the nonce that was sent': ['nonce_mismatch', { expected: { nonce: 'n' } }],
  'with a nonce that was not sent': ['nonce_unexpected', { claims: { nonce: 'n' } }],
  'with a nonce that is not a string': [
    'claim_invalid',
    { claims: { nonce: 7 }, expected: { anyNonce: true } },
  ],
  'without auth_time although max_age was sent [§3.1.3.7 (13)]': [
    'claim_missing',
    { expected: { max_age: 60 } },
  ],
  'with an authentication that is too old': [
    'authentication_too_old',
    { claims: { auth_time: now - 91 }, expected: { max_age: 60 } },
  ],
  'with an auth_time that is a string': ['claim_invalid', { claims: { auth_time: `${now}` } }],
  'with another class of authentication [§3.1.3.7 (12)]': [
    'acr_mismatch',
    { claims: { acr: 'pwd' }, expected: { acr_values: ['mfa'] } },
  ],
  'without a class of authentication that is required': ['acr_mismatch', { expected: { acr_values: 'mfa' } }],
  'with the hash of another access token [§3.1.3.8]': [
    'hash_mismatch',
    { claims: { at_hash }, expected: { access_token: 'other' } },
  ],
  'from the authorization endpoint without at_hash [§3.2.2.9]': [
    'claim_missing',
    { claims: { nonce: 'n' }, expected: { nonce: 'n', access_token: 'token', frontChannel: true } },
  ],
  'from the authorization endpoint without c_hash [§3.3.2.10]': [
    'claim_missing',
    { claims: { nonce: 'n' }, expected: { nonce: 'n', code: 'code', frontChannel: true } },
  ],
  'with the hash of another code [§3.3.2.10]': [
    'hash_mismatch',
    { claims: { c_hash }, expected: { code: 'x' } },
  ],
  'with the hash of another state': ['hash_mismatch', { claims: { s_hash }, expected: { state: 'x' } }],
  'of another user than expected [§3.3.3.6]': ['sub_mismatch', { expected: { sub: 'bob' } }],
  'of another user after a refresh [§12.2]': [
    'sub_mismatch',
    { expected: { previous: { ...previous, sub: 'bob' } } },
  ],
  'with more audiences after a refresh [§12.2]': [
    'audience_mismatch',
    { claims: { aud: others, azp: client_id }, expected: { previous } },
  ],
  'with fewer audiences after a refresh [§12.2]': [
    'audience_mismatch',
    { claims: { azp: client_id }, expected: { previous: { ...previous, aud: others, azp: client_id } } },
  ],
  'with another audience after a refresh [§12.2]': [
    'audience_mismatch',
    {
      claims: { aud: others, azp: client_id },
      expected: { previous: { ...previous, aud: [client_id, 'third'], azp: client_id } },
    },
  ],
  'with another azp after a refresh [§12.2]': [
    'azp_mismatch',
    { claims: { azp: client_id }, expected: { previous } },
  ],
  'of another authentication after a refresh [§12.2]': [
    'auth_time_mismatch',
    { claims: { auth_time: now }, expected: { previous } },
  ],
  'with another nonce after a refresh [§12.2]': [
    'nonce_mismatch',
    { claims: { nonce: 'n2' }, expected: { previous } },
  ],
  'with a nonce after a refresh, if the first one had none [§12.2]': [
    'nonce_mismatch',
    { claims: { nonce: 'n2' }, expected: { previous: valid } },
  ],
  'with the type of an access token [RFC 8725 §3.11]': ['type_mismatch', { header: { typ: 'at+jwt' } }],
  'with the type of a logout token [RFC 8725 §3.11]': ['type_mismatch', { header: { typ: 'logout+jwt' } }],
  'that is signed with an algorithm that the caller does not accept [§3.1.3.7 (7)]': [
    'algorithm_not_allowed',
    { options: { algorithms: ['RS256'] } },
  ],
}

for (const [name, [code, one]] of Object.entries(refused))
  test(`an ID token is refused ${name}`, () => refuses(one, code))

test('an ID token of the authorization endpoint requires a nonce from the caller', async () => {
  await assert.rejects(validate({ expected: { frontChannel: true } }), TypeError)
})

test('an ID token is refused if the metadata does not list its algorithm', async () => {
  const { client } = startTokenServer([key.jwk], { id_token_signing_alg_values_supported: ['RS256'] })
  const validated = await validateIdToken(client, await sign(valid, key))
  assert.equal(!validated.ok && validated.error.code, 'algorithm_not_allowed')
})

const secret = 'a secret with 64 characters or more, which is enough for each hash'
const signedWith = (secret: string, alg = 'HS256'): Promise<string> =>
  new SignJWT(valid).setProtectedHeader({ alg }).sign(Buffer.from(secret))

for (const alg of ['HS256', 'HS384', 'HS512'])
  test(`an ID token that is signed with the secret and ${alg} is accepted if the caller passes it [§3.1.3.7 (8)]`, async () => {
    const token = await signedWith(secret, alg)
    assert.ok((await validateIdToken(client, token, {}, { client_secret: secret })).ok)
  })

test('an ID token of the server is accepted if the caller passes a secret as well', async () => {
  assert.ok((await validateIdToken(client, await sign(valid, key), {}, { client_secret: secret })).ok)
})

test('an ID token that is signed with a secret that is too short is refused [RFC 7518 §3.2]', async () => {
  const short = 's'.repeat(31)
  const validated = await validateIdToken(client, await signedWith(short), {}, { client_secret: short })
  assert.equal(!validated.ok && validated.error.code, 'key_unusable')
})

test('an ID token that is signed with another secret is refused', async () => {
  const token = await signedWith(`${secret}!`)
  const validated = await validateIdToken(client, token, {}, { client_secret: secret })
  assert.equal(!validated.ok && validated.error.code, 'signature_invalid')
})

test('an ID token that is signed with the secret is refused if the caller does not pass it', async () => {
  const validated = await validateIdToken(client, await signedWith(secret))
  assert.equal(!validated.ok && validated.error.code, 'algorithm_not_allowed')
})

test('a public key of the server is never used as a secret [RFC 8725 §2.1]', async () => {
  const options = { algorithms: ['HS256'] }
  const token = await signedWith(JSON.stringify(key.jwk))
  const validated = await validateIdToken(client, token, {}, options)
  assert.equal(!validated.ok && validated.error.code, 'key_not_found')
})
