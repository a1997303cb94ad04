import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import type { SigningAlgorithm } from '../../packages/server/src/core/client.ts'
import { createKeyRing } from '../../packages/server/src/keys/key-ring.ts'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { createMemoryStores } from '../../packages/server/src/stores/memory/stores.ts'
import { signJwt, verifyJwt } from '../../packages/server/src/tokens/jwt.ts'

const algorithms: readonly SigningAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA']
const nothing = () => {}
const ring = await createKeyRing({
  keys: createMemoryStores().keys,
  derived: createDerivedKeys(Buffer.alloc(32, 1)),
  clock: { now: () => 1_790_000_000 },
  log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  algorithms,
})
ring.stop()
const jwks = createLocalJWKSet(JSON.parse(ring.jwks().body))
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

for (const alg of algorithms) {
  test(`jwt: what is signed with ${alg} verifies by jose and by us`, async () => {
    const token = await signJwt(ring.signing(alg), 'at+jwt', { sub: 'ä', n: 1 })
    const { payload, protectedHeader } = await jwtVerify(token, jwks, { algorithms: [alg], typ: 'at+jwt' })
    assert.deepEqual(payload, { sub: 'ä', n: 1 })
    assert.equal(protectedHeader.kid, ring.signing(alg).kid)
    assert.deepEqual(verifyJwt(ring, token, { typ: 'at+jwt' })?.claims, { sub: 'ä', n: 1 })
    assert.equal(verifyJwt(ring, token, { typ: 'JWT' }), undefined)
  })

  test(`jwt: any change of any character of an ${alg} token is noticed`, async () => {
    const token = await signJwt(ring.signing(alg), 'at+jwt', { sub: 'a' })
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...'ABab01-_.'), (at, letter) => {
        const changed = token.slice(0, at) + letter + token.slice(at + 1)
        assert.equal(verifyJwt(ring, changed, { typ: 'at+jwt' }) === undefined, changed !== token)
      }),
      { numRuns: 200 },
    )
  })
}

test('jwt: none, another algorithm, an unknown key and crit are refused', async () => {
  const { kid } = ring.signing('ES256')
  const payload = encode({ sub: 'a' })
  const verify = (token: string) => verifyJwt(ring, token, { typ: 'at+jwt' })
  assert.equal(verify(`${encode({ alg: 'none', typ: 'at+jwt', kid })}.${payload}.`), undefined)
  assert.equal(verify(`${encode({ alg: 'none', typ: 'at+jwt', kid })}.${payload}.AAAA`), undefined)
  const secret = new TextEncoder().encode(ring.jwks().body)
  const sign = (header: { alg: string } & Record<string, unknown>, key: any) =>
    new SignJWT({ sub: 'a' }).setProtectedHeader(header).sign(key)
  assert.equal(verify(await sign({ alg: 'HS256', typ: 'at+jwt', kid }, secret)), undefined)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  assert.equal(verify(await sign({ alg: 'ES256', typ: 'at+jwt', kid }, privateKey)), undefined)
  assert.equal(
    verify(await sign({ alg: 'ES256', typ: 'at+jwt', kid: 'other' }, ring.signing('ES256').privateKey)),
    undefined,
  )
  assert.equal(
    verify(await sign({ alg: 'ES256', typ: 'at+jwt' }, ring.signing('ES256').privateKey)),
    undefined,
  )
  const rs = ring.signing('RS256')
  assert.equal(verify(await sign({ alg: 'PS256', typ: 'at+jwt', kid: rs.kid }, rs.privateKey)), undefined)
})

test('jwt: text of any kind is refused, never thrown at', () => {
  const parts = fc.array(fc.string({ unit: fc.constantFrom(...'eyJhbGciOiJ.-_=+{}"') }), { maxLength: 4 })
  fc.assert(fc.property(parts, some => verifyJwt(ring, some.join('.'), { typ: 'at+jwt' }) === undefined))
  assert.equal(verifyJwt(ring, 'a.'.repeat(40_000), { typ: 'at+jwt' }), undefined)
})
