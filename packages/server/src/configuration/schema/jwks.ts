/** Public keys of others: JWK Sets (RFC 7517 §5). */

import { isAffordable } from '../../model/public-key.ts'
import * as z from '../shape/shapes.ts'
import { rule, type ValueFault } from './rule.ts'

/** RFC 7518 §6: the members that a public key of each type must have. */
const publicMembers: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
}
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'] as const

export const jwksSchema = z
  .object({ keys: z.array(z.record(z.string(), z.unknown())).min(1) })
  .check(
    rule(({ keys }) => {
      for (const [index, key] of keys.entries()) {
        const fault = keyFault(key)
        if (fault) return { ...fault, path: ['keys', index] }
      }
      return undefined
    }),
  )
  .describe('A JWK Set (RFC 7517 §5) of public keys.')

function keyFault(key: Readonly<Record<string, unknown>>): ValueFault | undefined {
  const expected = 'a public JWK: kty RSA (n, e), EC (crv, x, y) or OKP (crv, x)'
  if (privateMembers.some(member => member in key))
    return {
      problem: 'it holds a private or a symmetric key',
      expected,
      fix: 'keep the private key at the client and give its public part only (no "d", no "k")',
    }
  const { kty } = key
  const members =
    typeof kty === 'string' && Object.hasOwn(publicMembers, kty) ? publicMembers[kty] : undefined
  if (!members)
    return { problem: 'its kty is missing or not supported', expected, fix: 'give a key of such a type' }
  const missing = members.filter(member => typeof key[member] !== 'string')
  if (missing.length > 0)
    return {
      problem: `it lacks ${missing.join(', ')}`,
      expected,
      fix: `add ${missing.join(', ')} of the public key`,
    }
  return isAffordable(key)
    ? undefined
    : {
        problem: 'it is longer than any RSA key need be',
        expected: 'a modulus (n) of at most 8192 bits and an exponent (e) of at most 64',
        fix: 'use an RSA key of 2048 to 4096 bits with the exponent 65537',
      }
}
