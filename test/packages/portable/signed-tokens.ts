import {
  asymmetricAlgorithms,
  type Client,
  clientCredentials,
  clientSecretBasic,
  clientSecretJwt,
  createClient,
  createIssuer,
  fixedKeys,
  importSigningKey,
  issuerKeys,
  type Jwk,
  privateKeyJwt,
  signJwt,
  unwrap,
  validateAccessToken,
  verifyJwt,
} from '@tessera/client'
import { expect, expectEqual, type PortableCase, type PortableWorld } from './case.ts'

/** Parameters for Web Crypto, as its specification has them. */
const parametersOf = (alg: string) => {
  const hash = `SHA-${alg.slice(2)}`
  const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash }
  if (alg.startsWith('RS')) return { name: 'RSASSA-PKCS1-v1_5', ...rsa }
  if (alg.startsWith('PS')) return { name: 'RSA-PSS', ...rsa }
  if (alg.startsWith('ES')) return { name: 'ECDSA', namedCurve: `P-${alg.slice(2).replace('512', '521')}` }
  return { name: 'Ed25519' }
}

const createKeys = (alg: string) =>
  crypto.subtle.generateKey(parametersOf(alg), true, ['sign', 'verify']) as Promise<{
    readonly publicKey: CryptoKey
    readonly privateKey: CryptoKey
  }>

const jwkOf = async (key: CryptoKey): Promise<Jwk> => (await crypto.subtle.exportKey('jwk', key)) as Jwk

const now = 1_790_000_000
const claims = { sub: 'alice', exp: now + 60 }

const outcomeOf = async (token: string, key: Jwk): Promise<string> => {
  const verified = await verifyJwt(token, fixedKeys([key]), { algorithms: asymmetricAlgorithms, now })
  return verified.ok ? 'valid' : verified.error.code
}

const replaceLast = (token: string): string => {
  const at = token.lastIndexOf('.') + 1
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
}

async function pemOf(key: CryptoKey): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.exportKey('pkcs8', key))
  const text = btoa(String.fromCharCode(...bytes)).replace(/.{64}/g, '$&\n')
  return `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`
}

const algorithmCases: readonly PortableCase[] = asymmetricAlgorithms
  .filter(alg => !alg.startsWith('ML-DSA'))
  .map(alg => ({
    name: `${alg}: a token is signed and verified, and refused with another signature`,
    async run() {
      const { publicKey, privateKey } = await createKeys(alg)
      const [publicJwk, privateJwk] = await Promise.all([jwkOf(publicKey), jwkOf(privateKey)])
      // Some runtimes name the algorithm of Ed25519 keys, each by another of its names.
      const keys = [privateKey, { ...privateJwk, alg }, await pemOf(privateKey)]
      for (const key of keys) {
        const token = await signJwt(claims, await importSigningKey(key, { alg }))
        expectEqual(await outcomeOf(token, publicJwk), 'valid', 'outcome')
        expectEqual(await outcomeOf(replaceLast(token), publicJwk), 'signature_invalid', 'other signature')
        const end = token.lastIndexOf('.') + 1
        for (const signature of ['', 'AAAA', token.slice(end, end + 40), 'A'.repeat(1368)])
          expectEqual(
            await outcomeOf(token.slice(0, end) + signature, publicJwk),
            'signature_invalid',
            `a signature of ${signature.length} characters`,
          )
      }
    },
  }))

const clientOf = (issuer: string, client_id: string, secret: string): Client =>
  createClient({ issuer, client_id, authentication: clientSecretBasic(secret) })

export const signedTokenCases: readonly PortableCase[] = [
  ...algorithmCases,
  {
    name: 'an RSA key that is too short is refused',
    async run() {
      const { publicKey, privateKey } = (await crypto.subtle.generateKey(
        { ...parametersOf('RS256'), modulusLength: 1024 } as never,
        true,
        ['sign', 'verify'],
      )) as { readonly publicKey: CryptoKey; readonly privateKey: CryptoKey }
      const token = await signJwt(claims, { key: privateKey, alg: 'RS256' })
      expectEqual(await outcomeOf(token, await jwkOf(publicKey)), 'key_unusable', 'outcome')
      const imported = await importSigningKey(privateKey).catch((error: unknown) => error)
      expect(imported instanceof TypeError, 'the key was imported')
    },
  },
  ...(['HS256', 'HS384', 'HS512'] as const).map(alg => ({
    name: `${alg}: an assertion is signed with the secret and verified, and refused with another secret`,
    async run({ issuer }: PortableWorld) {
      const secret = 'a secret of sixty-four bytes, the size of the longest hash: äöü'
      const request = { client_id: 'app', url: issuer, metadata: { issuer }, now }
      const { parameters } = await clientSecretJwt(secret, { alg }).credentials(request)
      const outcomeWith = async (secret: string) => {
        const k = btoa(String.fromCharCode(...new TextEncoder().encode(secret)))
        const key = { kty: 'oct', k: k.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_') }
        const options = { algorithms: [alg], now }
        const verified = await verifyJwt(parameters?.client_assertion ?? '', fixedKeys([key]), options)
        return verified.ok ? 'valid' : verified.error.code
      }
      expectEqual(await outcomeWith(secret), 'valid', 'outcome')
      expectEqual(await outcomeWith(`${secret}!`), 'signature_invalid', 'another secret')
    },
  })),
  {
    name: 'an access token of the server is valid for its API, and for no other',
    async run({ issuer, secret }) {
      const { access_token } = unwrap(await clientCredentials(clientOf(issuer, 'machine', secret)))
      const server = createIssuer(issuer)
      const valid = unwrap(await validateAccessToken(server, access_token, { audience: 'urn:api' }))
      expectEqual(valid.client_id, 'machine', 'client_id')
      const other = await validateAccessToken(server, access_token, { audience: 'urn:other' })
      expectEqual(other.ok || other.error.code, 'audience_mismatch', 'error')
      const changed = await validateAccessToken(server, replaceLast(access_token), { audience: 'urn:api' })
      expectEqual(changed.ok || changed.error.code, 'signature_invalid', 'error')
    },
  },
  {
    name: 'a client assertion is signed and names the server',
    async run({ issuer }) {
      const { publicKey, privateKey } = await createKeys('ES256')
      const request = { client_id: 'app', url: issuer, metadata: { issuer }, now }
      const { parameters } = await privateKeyJwt(privateKey).credentials(request)
      const keys = fixedKeys([await jwkOf(publicKey)])
      const options = { algorithms: ['ES256'], now }
      const { claims } = unwrap(await verifyJwt(parameters?.client_assertion ?? '', keys, options))
      expectEqual(`${claims.iss} ${claims.sub} ${claims.aud}`, `app app ${issuer}`, 'claims')
    },
  },
  {
    name: 'a token with a key that the server does not have is refused',
    async run({ issuer }) {
      const { privateKey } = await createKeys('ES256')
      const token = await signJwt({ sub: 'alice' }, await importSigningKey(privateKey, { kid: 'unknown' }))
      const keys = issuerKeys(createIssuer(issuer))
      const verified = await verifyJwt(token, keys, { algorithms: ['ES256'], now })
      expectEqual(verified.ok || verified.error.code, 'key_not_found', 'error')
    },
  },
]
