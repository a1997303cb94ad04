/** Generates the secrets of a new project. */

import { createHash, randomBytes } from 'node:crypto'
import { hash } from '@node-rs/argon2'

export type Secrets = {
  /** 32 bytes in base64url. It encrypts the keys in the store. */
  readonly masterKey: string
  readonly clientSecret: string
  /** The SHA-256 hash in base64, which the configuration contains instead of the secret. */
  readonly clientSecretHash: string
  readonly sessionSecret: string
  /** The password of the first user. */
  readonly password: string
  /** Its argon2id hash in PHC format. */
  readonly passwordHash: string
}

const random = (bytes: number): string => randomBytes(bytes).toString('base64url')

/** 19 MiB and two passes, as OWASP recommends for argon2id. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

export async function createSecrets(): Promise<Secrets> {
  const clientSecret = random(32)
  const password = random(12)
  return {
    masterKey: random(32),
    clientSecret,
    clientSecretHash: createHash('sha256').update(clientSecret).digest('base64'),
    sessionSecret: random(32),
    password,
    passwordHash: await hash(password, cost),
  }
}
