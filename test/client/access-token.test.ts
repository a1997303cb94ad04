import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AccessTokenRequirements, validateAccessToken } from '@tessera/client'
import { createKey, now, sign, startTokenServer, url } from './token-server.ts'

const key = await createKey('ES256')
const { issuer } = startTokenServer([key.jwk])
const audience = 'urn:api'
const valid = {
  ...{ iss: url, sub: 'alice', aud: audience, exp: now + 300, iat: now },
  ...{ jti: '1', client_id: 'app', scope: 'read write' },
}

type Case = {
  readonly claims?: object
  readonly header?: object
  readonly requirements?: Partial<AccessTokenRequirements>
}

const validate = async ({ claims, header, requirements }: Case) =>
  validateAccessToken(issuer, await sign({ ...valid, ...claims }, key, { typ: 'at+jwt', ...header }), {
    audience,
    ...requirements,
  })

const plain = { sub: undefined, client_id: undefined, jti: undefined, iat: undefined, scope: undefined }
const x5t = { 'x5t#S256': 'thumbprint' }

const accepted: Readonly<Record<string, Case>> = {
  'with the claims of the profile [RFC 9068 §2.2]': {},
  'with the long form of its type': { header: { typ: 'application/AT+JWT' } },
  'for several APIs': { claims: { aud: ['urn:other', audience] } },
  'for one of the names of the API': { requirements: { audience: ['urn:alias', audience] } },
  'with the required scopes': { requirements: { scope: 'write read' } },
  'of a client that is required': { requirements: { client_id: ['other', 'app'] } },
  'with a recent authentication': { claims: { auth_time: now - 60 }, requirements: { max_age: 60 } },
  'with one of the required classes': { claims: { acr: 'mfa' }, requirements: { acr_values: ['mfa'] } },
  'that is bound to the certificate of the request [RFC 8705 §3.1]': {
    claims: { cnf: x5t },
    requirements: { cnf: x5t },
  },
  'of the type JWT if the API accepts any': { header: { typ: 'JWT' }, requirements: { typ: 'any' } },
  'with a scope that is a list if the API accepts any': {
    claims: { scope: ['read', 'write'] },
    header: { typ: 'JWT' },
    requirements: { typ: 'any', scope: 'read' },
  },
  'without a type and the claims of the profile if the API accepts any': {
    claims: plain,
    header: { typ: undefined },
    requirements: { typ: 'any' },
  },
}

for (const [name, one] of Object.entries(accepted))
  test(`an access token is accepted ${name}`, async () => {
    const validated = await validate(one)
    assert.ok(validated.ok, validated.ok ? '' : validated.error.message)
    assert.equal(validated.value.exp, valid.exp)
  })

const refused: Readonly<Record<string, readonly [string, Case]>> = {
  'of the type JWT [RFC 9068 §4]': ['type_mismatch', { header: { typ: 'JWT' } }],
  'without a type': ['type_mismatch', { header: { typ: undefined } }],
  'of another type, even if the API accepts any': [
    'type_mismatch',
    { header: { typ: 'logout+jwt' }, requirements: { typ: 'any' } },
  ],
  'that is an ID token, even if the API accepts any': [
    'type_mismatch',
    { claims: { at_hash: 'x' }, header: { typ: 'JWT' }, requirements: { typ: 'any' } },
  ],
  'that is a logout token, even if the API accepts any': [
    'type_mismatch',
    { claims: { events: {} }, header: { typ: 'JWT' }, requirements: { typ: 'any' } },
  ],
  'of another issuer [RFC 9068 §4]': ['issuer_mismatch', { claims: { iss: 'https://other.example' } }],
  'for another API [RFC 9068 §4]': ['audience_mismatch', { claims: { aud: ['urn:other'] } }],
  'without an audience': ['audience_mismatch', { claims: { aud: undefined } }],
  'that has expired [RFC 9068 §4]': ['token_expired', { claims: { exp: now - 30 } }],
  'without an expiry': ['claim_missing', { claims: { exp: undefined } }],
  'without an expiry, even if the API accepts any type': [
    'claim_missing',
    { claims: { exp: undefined }, requirements: { typ: 'any' } },
  ],
  'without the time of issue': ['claim_missing', { claims: { iat: undefined } }],
  'without a subject': ['claim_missing', { claims: { sub: undefined } }],
  'without a client': ['claim_missing', { claims: { client_id: undefined } }],
  'without an id': ['claim_missing', { claims: { jti: undefined } }],
  'with a subject that is not a string, even if the API accepts any type': [
    'claim_invalid',
    { claims: { sub: 7 }, requirements: { typ: 'any' } },
  ],
  'that is bound to a certificate, as a bearer token [RFC 8705 §3]': [
    'confirmation_mismatch',
    { claims: { cnf: x5t } },
  ],
  'that is bound to another certificate [RFC 8705 §3]': [
    'confirmation_mismatch',
    { claims: { cnf: x5t }, requirements: { cnf: { 'x5t#S256': 'other' } } },
  ],
  'that is bound to a certificate and a key, if only one is proven': [
    'confirmation_mismatch',
    { claims: { cnf: { ...x5t, jkt: 'key' } }, requirements: { cnf: x5t } },
  ],
  'that is bound to a name that every object has': [
    'confirmation_mismatch',
    { claims: { cnf: { toString: 'x' } } },
  ],
  'with a confirmation that is not an object': ['claim_invalid', { claims: { cnf: 'x' } }],
  'of another client': ['client_mismatch', { requirements: { client_id: 'other' } }],
  'without a required scope [RFC 9068 §4]': ['insufficient_scope', { requirements: { scope: 'read admin' } }],
  'without any scope': [
    'insufficient_scope',
    { claims: { scope: undefined }, requirements: { scope: 'read' } },
  ],
  'with a scope that only starts like the required one': [
    'insufficient_scope',
    { requirements: { scope: 'rea' } },
  ],
  'with a scope that is a list': ['claim_invalid', { claims: { scope: ['read'] } }],
  'with an authentication that is too old [RFC 9470 §3]': [
    'authentication_too_old',
    { claims: { auth_time: now - 91 }, requirements: { max_age: 60 } },
  ],
  'with another class of authentication [RFC 9470 §3]': [
    'acr_mismatch',
    { claims: { acr: 'pwd' }, requirements: { acr_values: 'mfa hwk' } },
  ],
  'with an algorithm that the API does not accept': [
    'algorithm_not_allowed',
    { requirements: { algorithms: ['RS256'] } },
  ],
}

const policies = ['insufficient_scope', 'algorithm_not_allowed']

for (const [name, [code, one]] of Object.entries(refused))
  test(`an access token is refused ${name}`, async () => {
    const validated = await validate(one)
    assert.ok(!validated.ok)
    assert.equal(validated.error.code, code)
    assert.equal(validated.error.kind, policies.includes(code) ? 'policy' : 'invalid')
  })
