/**
 * RSA keys for the servers of a test run. Creating one takes longer than most tests, so the run creates some once, and
 * its processes give them to their servers in turn. A file that runs alone creates each key when it is needed.
 */

import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type GenerateSigningKey, generateSigningKey } from '../../packages/server/src/keys/signing-key.ts'

/** The variable with the path of the keys for one test run. */
export const sharedKeys = 'TESSERA_TEST_KEYS'

/** More than any single test uses, so that no two servers or rotations of a test have the same key. */
const count = 48

export async function writeSigningKeys(folder: string): Promise<string> {
  const file = join(folder, 'rsa-keys.json')
  const keys = await Promise.all(Array.from({ length: count }, () => generateSigningKey('RS256')))
  await writeFile(file, JSON.stringify(keys), { mode: 0o600 })
  return file
}

/** Returns a generator that reuses RSA keys; keys of other types are cheap and are generated each time. */
export function provideSigningKeys(): GenerateSigningKey {
  const file = process.env[sharedKeys]
  if (!file) return generateSigningKey
  const keys = JSON.parse(readFileSync(file, 'utf8')) as Awaited<ReturnType<GenerateSigningKey>>[]
  let next = 0
  return async alg => (/^[RP]S/.test(alg) ? keys[next++ % keys.length]! : generateSigningKey(alg))
}
