/** `tessera hash-secret`: prints the hash of a secret, for a configuration. */

import { createHash } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode } from './command.ts'

/** The minimum cost of OWASP for argon2id: 19 MiB, two passes. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

type HashSecretFlags = {
  /** A slow hash. */
  readonly argon2id?: boolean
  readonly sha512?: boolean
}

export async function hashSecret({ argon2id, sha512 }: HashSecretFlags): Promise<ExitCode> {
  if (process.stdin.isTTY) writeError('Type the secret, then press Enter and Ctrl-D:\n')
  // `echo` and editors add a line end, which is not part of the secret.
  const secret = (await text(process.stdin)).replace(/\r?\n$/, '')
  if (secret === '') {
    writeError('tessera: standard input is empty; expected a secret\n')
    return 1
  }
  const digest = sha512 ? 'sha512' : 'sha256'
  const hashed = argon2id ? { argon2id: await argon2idOf(secret) } : { [digest]: digestOf(digest, secret) }
  writeOutput(`${JSON.stringify(hashed)}\n`)
  return 0
}

const digestOf = (digest: string, secret: string): string =>
  createHash(digest).update(secret, 'utf8').digest('base64')

async function argon2idOf(secret: string): Promise<string> {
  const { hash } = await import('@node-rs/argon2')
  return hash(secret, cost)
}
