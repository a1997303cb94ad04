/** scrypt (RFC 7914) in PHC form, and Firebase's variant. */

import { createCipheriv, scrypt as derive, type ScryptOptions } from 'node:crypto'
import {
  areEqual,
  decodeBase64,
  type HashError,
  type HashFormat,
  isKey,
  isSalt,
  type PasswordHash,
} from './format.ts'
import { hasOnly, integerOf, readPhc } from './phc.ts'

/** `ln` is the binary logarithm of the number of blocks N. */
type Cost = { readonly ln: number; readonly r: number; readonly p: number }

/** N·r·p: at most 256 MiB, and about a second. */
const most = 2 ** 21
/** r·p: the bytes that PBKDF2 derives before and after the blocks are mixed, in units of 128. */
const mostBlocks = 1024
/** N·r·p of the smallest parameters that OWASP recommends. */
const least = 2 ** 18

const tooCostly: HashError = {
  problem: 'its cost is out of bounds',
  expected: 'ln from 1 to 20 and below 16 · r (RFC 7914 §6), 2^ln · r · p up to 2097152, r · p up to 1024',
}

const work = ({ ln, r, p }: Cost): number => 2 ** ln * r * p
/** A cost that RFC 7914 does not allow can't be computed at all. */
const isAffordable = (cost: Cost): boolean =>
  cost.ln <= 20 && cost.ln < 16 * cost.r && cost.r * cost.p <= mostBlocks && work(cost) <= most

const deriveKey = (password: string, salt: Uint8Array, length: number, { ln, r, p }: Cost): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: 128 * r * (2 ** ln + p + 2) }
    derive(password, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)))
  })

const costOf = (phc: Parameters<typeof integerOf>[0]): Cost | undefined => {
  const [ln, r, p] = ['ln', 'r', 'p'].map(name => integerOf(phc, name))
  return ln !== undefined && r !== undefined && p !== undefined ? { ln, r, p } : undefined
}

const weaknessOf = (cost: Cost): string | undefined =>
  work(cost) < least ? `scrypt with ln=${cost.ln}, r=${cost.r}, p=${cost.p}` : undefined

export const scrypt: HashFormat = {
  prefix: /^\$scrypt\$/,
  read(text): PasswordHash | HashError {
    const phc = readPhc(text)
    const cost = phc && phc.version === undefined && hasOnly(phc, ['ln', 'r', 'p']) ? costOf(phc) : undefined
    const { salt, key } = phc ?? {}
    if (!cost || !isSalt(salt) || !isKey(key))
      return { problem: 'it is not an encoded scrypt hash', expected: '$scrypt$ln=…,r=…,p=…$salt$hash' }
    if (!isAffordable(cost)) return tooCostly
    return {
      cost: `scrypt ln=${cost.ln},r=${cost.r},p=${cost.p},l=${key.length}`,
      weakness: weaknessOf(cost),
      isCurrent: false,
      matches: async password => areEqual(await deriveKey(password, salt, key.length, cost), key),
    }
  },
}

/**
 * Firebase encrypts the signer key of the project with a key that scrypt derives from the password and from the salt
 * and the separator. `ln` is its `mem_cost`, `r` its `rounds`, `ss` the salt separator and `sk` the signer key.
 */
export const firebaseScrypt: HashFormat = {
  prefix: /^\$firebase-scrypt\$/,
  read(text): PasswordHash | HashError {
    const phc = readPhc(text)
    const given = phc && phc.version === undefined && hasOnly(phc, ['ln', 'r', 'ss', 'sk']) ? phc : undefined
    const [ln, r] = ['ln', 'r'].map(name => given && integerOf(given, name))
    const [separator, signerKey] = ['ss', 'sk'].map(name => decodeBase64(given?.parameters.get(name) ?? ''))
    const { salt, key } = given ?? {}
    const isWhole = isSalt(separator) && isKey(signerKey) && isSalt(salt) && key?.length === signerKey.length
    if (ln === undefined || r === undefined || !isWhole || !isKey(key))
      return {
        problem: "it is not an encoded hash of Firebase's scrypt",
        expected: '$firebase-scrypt$ln=…,r=…,ss=…,sk=…$salt$hash',
      }
    const cost = { ln, r, p: 1 }
    if (!isAffordable(cost)) return tooCostly
    const whole = Buffer.concat([salt, separator])
    return {
      cost: `firebase-scrypt ln=${ln},r=${r}`,
      weakness: weaknessOf(cost),
      isCurrent: false,
      async matches(password) {
        const derived = await deriveKey(password, whole, 64, cost)
        const cipher = createCipheriv('aes-256-ctr', derived.subarray(0, 32), Buffer.alloc(16))
        return areEqual(Buffer.concat([cipher.update(signerKey), cipher.final()]), key)
      },
    }
  },
}
