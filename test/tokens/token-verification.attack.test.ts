/** Each check of a token's verification refuses what it alone refuses, and the log contains the reason. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import type { Client } from '../../packages/server/src/model/client.ts'
import { bindToCertificate } from '../../packages/server/src/proof/certificate.ts'
import { createSenderConstraints } from '../../packages/server/src/proof/sender-constraint.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { signJwt, verifyJwt } from '../../packages/server/src/tokens/jwt.ts'
import { createRefreshTokens } from '../../packages/server/src/tokens/refresh-token.ts'
import { createTokenVerifier } from '../../packages/server/src/tokens/verification.ts'
import {
  newHash,
  now,
  sampleAuthorization,
  sampleCode,
  sampleReferenceToken,
} from '../contracts/stores/samples.ts'
import { createClock, masterKey, openRing } from '../keys/keys.ts'
import { one, two } from '../support/certificates.ts'

const issuer = 'https://id.example'
const stores = createMemoryStores()
const ring = await openRing({ keys: stores.keys, clock: createClock(now) })
after(() => ring.stop())

const clients: Readonly<Record<string, Pick<Client, 'enabled' | 'subject_type'>>> = {
  web: { enabled: true, subject_type: 'public' },
  off: { enabled: false, subject_type: 'public' },
  ended: { enabled: true, subject_type: 'public' },
  pair: { enabled: true, subject_type: 'pairwise' },
}
const verifier = createTokenVerifier({
  issuer,
  keys: ring,
  clock: { now: () => now },
  clients: {
    all: () => [],
    find: (client_id: string) => {
      const found = clients[client_id]
      return found && ({ client_id, ...found } as Client)
    },
  },
  subjects: { subjectFor: (client: Client, sub: string) => `${sub} at ${client.client_id}` } as never,
  clientRevokedAt: client_id => (client_id === 'ended' ? now : undefined),
  isRevoked: ({ client_id, revoked_at }) => revoked_at !== undefined || client_id === 'ended',
  stores,
})

const claims = { iss: issuer, client_id: 'web', sub: 'alice', aud: 'urn:api', scope: 'api1', exp: now + 60 }
const signed = (changes: object = {}, typ = 'at+jwt') =>
  signJwt(ring.signing('ES256'), typ, { jti: randomUUID(), ...claims, ...changes })
const outcomeOf = async (token: string) => {
  const verified = await verifier.verifyAccessToken(token)
  return verified.ok ? `sub ${verified.value.sub}` : verified.reason
}
const authorized = async (fields: Parameters<typeof sampleAuthorization>[0] = {}) => {
  const authorization = sampleAuthorization(fields)
  await stores.codes.issue(authorization, sampleCode(authorization))
  return authorization.id
}
const revoked = randomUUID()
await stores.revokedTokens.add(revoked, now + 60)

const fallen = await authorized()
await stores.authorizations.revoke(fallen, now)
const pairwise = { client_id: 'pair', authorization_id: await authorized({ client_id: 'pair' }) }

for (const [what, changes, outcome] of [
  ['that holds', {}, 'sub alice'],
  ['that expires in a second', { exp: now + 1 }, 'sub alice'],
  ['that expires now', { exp: now }, 'token_expired'],
  ['without an exp', { exp: undefined }, 'token_expired'],
  ['of another issuer', { iss: 'https://other.example' }, 'token_signature_invalid'],
  ['of an issuer below this one', { iss: `${issuer}/t/acme` }, 'token_signature_invalid'],
  ['without an issuer', { iss: undefined }, 'token_signature_invalid'],
  ['of a disabled client', { client_id: 'off' }, 'token_client_disabled'],
  ['of a client that is gone', { client_id: 'gone' }, 'token_client_disabled'],
  ['that was revoked', { jti: revoked }, 'token_revoked'],
  ['of a client that was revoked after it', { client_id: 'ended', iat: now - 1 }, 'token_client_revoked'],
  ['of a client that was revoked in its second', { client_id: 'ended', iat: now }, 'token_client_revoked'],
  ['of a revoked client, without an iat', { client_id: 'ended', iat: undefined }, 'token_client_revoked'],
  ['of a client that was revoked before it', { client_id: 'ended', iat: now + 1 }, 'sub alice'],
  [
    "of the user's authorization for a revoked client",
    { authorization_id: await authorized({ client_id: 'ended' }) },
    'token_authorization_revoked',
  ],
  ['derived from a revoked one', { derived_from: [randomUUID(), revoked] }, 'token_origin_revoked'],
  ['derived from one that was not revoked', { derived_from: [randomUUID()] }, 'sub alice'],
  ['of an authorization', { authorization_id: await authorized() }, 'sub alice'],
  ['of a revoked authorization', { authorization_id: fallen }, 'token_authorization_revoked'],
  ['of an authorization that was deleted', { authorization_id: 'gone' }, 'token_authorization_revoked'],
  [
    "of the user's authorization for another client",
    { client_id: 'web', authorization_id: await authorized({ client_id: 'pair' }) },
    'sub alice',
  ],
  [
    "of the user's authorization for a disabled client",
    { authorization_id: await authorized({ client_id: 'off' }) },
    'token_client_disabled',
  ],
  [
    "of the user's authorization for a deleted client",
    { authorization_id: await authorized({ client_id: 'gone' }) },
    'token_client_disabled',
  ],
  ['of a pairwise sub', { ...pairwise, sub: 'alice at pair' }, 'sub alice'],
  ['of a sub that the client never got', { ...pairwise, sub: 'alice' }, 'token_subject_unknown'],
  ['of another sector', { ...pairwise, sub: 'alice at web' }, 'token_subject_unknown'],
  [
    'of a pairwise sub without an authorization',
    { client_id: 'pair', sub: 'alice at pair' },
    'token_subject_unknown',
  ],
  ['of a pairwise client itself', { client_id: 'pair', sub: 'pair' }, 'sub pair'],
] as const)
  test(`access token: one ${what} is verified to ${outcome}`, async () => {
    assert.equal(await outcomeOf(await signed(changes)), outcome)
  })

test('access token: one of another type, or modified, is refused [RFC 8725 §3.11]', async () => {
  for (const typ of ['JWT', 'logout+jwt', 'at+jwt2', ''])
    assert.equal(await outcomeOf(await signed({}, typ)), 'token_signature_invalid')
  const token = await signed()
  assert.equal(
    await outcomeOf(`${token}.x`),
    'sub alice' === (await outcomeOf(token)) ? 'token_signature_invalid' : '',
  )
  for (const broken of [
    '',
    '.',
    '..',
    token.slice(0, -1),
    token.split('.').slice(0, 2).join('.'),
    'x'.repeat(65_536),
  ])
    assert.equal(await outcomeOf(broken), 'token_signature_invalid')
  assert.equal(await outcomeOf('x'.repeat(65_537)), 'token_too_long')
})

test('access token: claims that are a list or null are refused, even with a valid signature', async () => {
  for (const claims of [[], [1], null, 1, 'text'])
    assert.equal(
      verifyJwt(ring, await signJwt(ring.signing('ES256'), 'at+jwt', claims as object), { typ: 'at+jwt' }),
      undefined,
    )
})

test('reference token: an unknown or expired one is refused, and so is one of a disabled client', async () => {
  const { hashHandle } = await import('../../packages/server/src/model/handle.ts')
  const store = async (fields: object) => {
    const token = `ta_${newHash()}`
    const row = sampleReferenceToken({ claims, hash: hashHandle(token), ...fields } as never)
    await stores.commit({ at: now, client_id: 'web', issue: { referenceToken: row } } as never)
    return outcomeOf(token)
  }
  await stores.principals.sync({ clients: [{ id: 'web', enabled: true }], users: [] })
  assert.equal(await store({}), 'sub alice')
  assert.equal(await store({ expires_at: now }), 'token_expired')
  assert.equal(await store({ claims: { ...claims, client_id: 'off' } }), 'token_client_disabled')
  assert.equal(await outcomeOf(`ta_${newHash()}`), 'token_unknown')
})

const request = (certificate?: string) =>
  ({ peer: { address: '::1', ...(certificate && { certificate }) } }) as never

const { checkPossession } = createSenderConstraints({
  verifyDpopProof: () => assert.fail('no proof is needed'),
  proofAlgorithms: [],
  bindsToProofs: true,
  nonce: () => undefined,
  usedAssertions: { add: () => assert.fail('no proof is used') },
})

test('bound token: it requires its certificate, and an unverifiable binding is refused [RFC 8705 §3]', async () => {
  const certified = { token_endpoint_auth_method: 'tls_client_auth' } as Client
  const bound = bindToCertificate(certified, one)
  assert.ok(bound.ok && bound.value)
  const thumbprint = bound.value['x5t#S256']
  for (const [cnf, certificate, reason] of [
    [undefined, undefined, undefined],
    [undefined, two, undefined],
    [{ 'x5t#S256': thumbprint }, one, undefined],
    [{ 'x5t#S256': thumbprint }, two, 'token_bound_to_another_certificate'],
    [{ 'x5t#S256': thumbprint }, undefined, 'token_certificate_missing'],
    [{ 'x5t#S256': thumbprint, jkt: 'x' }, one, 'token_binding_unknown'],
    [{ jkt: 'x' }, one, 'bound_token_as_bearer'],
    [{ kid: 'x' }, one, 'token_binding_unknown'],
    [{ 'x5t#S256': 7 }, one, 'token_binding_unknown'],
    [{}, one, 'token_binding_unknown'],
  ] as const) {
    const token = { scheme: 'Bearer', value: 'x' } as const
    const outcome = await checkPossession(cnf as never, token, request(certificate), undefined)
    const fault = outcome.ok ? undefined : outcome
    assert.equal(fault?.reason, reason, JSON.stringify([cnf, certificate?.length]))
    if (reason !== undefined) assert.equal(fault?.error, 'invalid_token')
  }
})

test('bound token: only clients that authenticate with a certificate get one [RFC 8705 §3]', () => {
  for (const token_endpoint_auth_method of ['tls_client_auth', 'self_signed_tls_client_auth'] as const) {
    const missing = bindToCertificate({ token_endpoint_auth_method } as Client, undefined)
    assert.deepEqual(!missing.ok && [missing.error, missing.reason], [
      'invalid_client',
      'client_certificate_missing',
    ])
    assert.ok(bindToCertificate({ token_endpoint_auth_method } as Client, one).ok)
  }
  for (const token_endpoint_auth_method of ['none', 'client_secret_basic', 'private_key_jwt'] as const)
    assert.deepEqual(bindToCertificate({ token_endpoint_auth_method } as Client, one), {
      ok: true,
      value: undefined,
    })
})

test('refresh token: another version, another length or a changed byte is refused', () => {
  const tokens = createRefreshTokens({ derived: createDerivedKeys(masterKey(1)) })
  const others = createRefreshTokens({ derived: createDerivedKeys(masterKey(2)) })
  const handle = { family: 'AAAAAAAAAAAAAAAAAAAAAA', generation: 3, expires_at: now } as never
  const token = tokens.format(handle)
  assert.deepEqual(tokens.parse(token), handle)
  assert.equal(others.parse(token), undefined)
  const bytes = Buffer.from(token.slice(3), 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1
    assert.equal(tokens.parse(`tr_${changed.toString('base64url')}`), undefined, `byte ${at}`)
  }
  const plain = Buffer.from(bytes).toString('base64')
  for (const text of [
    '',
    'tr_',
    token.slice(3),
    `tx_${token.slice(3)}`,
    `${token}A`,
    token.slice(0, -1),
    `tr_${plain.replaceAll('=', '')}`,
  ])
    if (text !== token) assert.equal(tokens.parse(text), undefined, text)
})
