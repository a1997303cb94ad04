/**
 * Bounds the work that a key file demands for its passphrase (PKCS #5, RFC 8018; PKCS #12, RFC 7292; scrypt, RFC 7914). The
 * file itself says how many iterations to do, up to 2^31 and more, and a wrong passphrase is noticed only after them.
 */

import forge from 'node-forge'

type Asn1 = forge.asn1.Asn1

/**
 * Iterations of a file in total. OpenSSL and Windows write 2000 to 10,000, and OWASP recommends 600,000 for passwords. Other
 * tools refuse from 600,000 (.NET), 1,000,000 (Go) or 5,000,000 (Java) on.
 */
const mostIterations = 1_000_000n
/** N·r·p of scrypt, each of which is 128 bytes of work. OpenSSL writes 2^17. */
const mostScrypt = 2n ** 20n
/** Nested OCTET STRINGs. A PFX file has two. */
const deepest = 8

const pbkdf2 = '1.2.840.113549.1.5.12'
const scrypt = '1.3.6.1.4.1.11591.4.11'
/** PBES1 (RFC 8018 appendix A.3), and the schemes of PKCS #12 (RFC 7292 appendix C). */
const pbe = /^1\.2\.840\.113549\.1\.(5\.(1|3|4|6|10|11)|12\.1\.[1-6])$/
const pbes2 = '1.2.840.113549.1.5.13'

type Cost = { iterations: bigint; scrypt: bigint }

/**
 * Throws if the passphrase of this DER would cost too much, or if it can't be read: another reader may take it for something
 * else.
 * @param passphrase of a PFX file, which can contain encrypted keys inside of encrypted contents. Used only if the outer cost
 * is within the limit.
 */
export function requireCheapPassphrase(der: Uint8Array, passphrase?: string): void {
  const cost: Cost = { iterations: 0n, scrypt: 0n }
  const file = parsed(Buffer.from(der).toString('binary'))
  if (!file) throw new Error("its encrypted key can't be read: the file is damaged")
  const sealed: Asn1[] = []
  count(file, cost, sealed)
  cost.iterations += macIterations(file)
  require(cost)
  if (passphrase === undefined) return
  for (const content of sealed) {
    const inner = opened(content, passphrase)
    if (inner) count(inner, cost, [])
  }
  require(cost)
}

function require({ iterations, scrypt }: Cost): void {
  const refused = (what: string, most: bigint): Error =>
    new Error(
      `its passphrase costs ${what}; expected at most ${most}: encrypt the key again with fewer, for example openssl pkcs8 -topk8 or openssl pkcs12 -export with -iter 100000`,
    )
  if (iterations > mostIterations) throw refused(`${iterations} iterations in total`, mostIterations)
  if (scrypt > mostScrypt) throw refused(`${scrypt} blocks of scrypt (N·r·p)`, mostScrypt)
}

/** Adds the cost of each algorithm in the value. @param sealed receives the encrypted contents (RFC 5652 §8). */
function count(value: Asn1, cost: Cost, sealed: Asn1[], depth = 0): void {
  const parts = partsOf(value)
  const [first, second, third] = parts
  const algorithm = first && oidOf(first)
  if (algorithm !== undefined && second) {
    const [, n, r, p] = partsOf(second)
    if (algorithm === pbkdf2 || pbe.test(algorithm)) cost.iterations += integerOf(n)
    if (algorithm === scrypt) cost.scrypt += integerOf(n) * integerOf(r) * integerOf(p)
    const inner = partsOf(second)[0]
    const encryption = inner && oidOf(inner)
    if (third && encryption !== undefined && (encryption === pbes2 || pbe.test(encryption)))
      sealed.push(value)
  }
  for (const part of parts) count(part, cost, sealed, depth)
  const inner = depth < deepest && isUniversal(value, 4) ? parsed(bytesOf(value)) : undefined
  if (inner) count(inner, cost, sealed, depth + 1)
}

/** RFC 7292 §4: PFX ::= SEQUENCE { version, authSafe, macData }; MacData ends with its iterations, which default to 1. */
function macIterations(file: Asn1): bigint {
  const [version, , macData] = partsOf(file)
  const [mac, salt, iterations] = macData ? partsOf(macData) : []
  const isPfx = version && isUniversal(version, 2) && mac && salt && isUniversal(salt, 4)
  return isPfx ? integerOf(iterations) : 0n
}

/** Returns what an EncryptedContentInfo contains; undefined if the passphrase or the algorithm does not fit. */
function opened(content: Asn1, passphrase: string): Asn1 | undefined {
  const [, algorithm, encrypted] = partsOf(content)
  const [scheme, parameters] = algorithm ? partsOf(algorithm) : []
  if (!scheme || !parameters || !encrypted) return undefined
  try {
    const cipher = getCipher(oidOf(scheme), parameters, passphrase)
    cipher.update(forge.util.createBuffer(bytesOf(encrypted)))
    return cipher.finish() ? parsed(cipher.output.getBytes()) : undefined
  } catch {
    return undefined
  }
}

/** Missing in the library's types. */
const { getCipher } = (forge.pki as unknown as { readonly pbe: PbeCiphers }).pbe
type PbeCiphers = {
  readonly getCipher: (
    oid: string | undefined,
    parameters: Asn1,
    passphrase: string,
  ) => forge.cipher.BlockCipher
}

function parsed(bytes: string): Asn1 | undefined {
  try {
    return forge.asn1.fromDer(bytes, false)
  } catch {
    return undefined
  }
}

const partsOf = ({ value }: Asn1): readonly Asn1[] => (Array.isArray(value) ? value : [])

/** Returns the bytes, those of all parts if the encoder has split them (BER). */
const bytesOf = (value: Asn1): string =>
  typeof value.value === 'string' ? value.value : value.value.map(bytesOf).join('')

const isUniversal = ({ tagClass, type }: Asn1, tag: number): boolean => tagClass === 0 && type === tag

function oidOf(value: Asn1): string | undefined {
  if (!isUniversal(value, 6) || typeof value.value !== 'string') return undefined
  return forge.asn1.derToOid(value.value)
}

/** Returns 0 for a missing value. A negative one counts as the positive one that some readers take it for. */
function integerOf(value: Asn1 | undefined): bigint {
  if (!value || !isUniversal(value, 2) || typeof value.value !== 'string' || value.value === '') return 0n
  return BigInt(`0x${Buffer.from(value.value, 'binary').toString('hex')}`)
}
