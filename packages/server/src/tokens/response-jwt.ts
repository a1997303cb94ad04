/** Authorization responses as JWTs (JWT Secured Authorization Response Mode for OAuth 2.0 (JARM) §2.1, §2.2). */

import type { Seconds } from '@tessera/protocol/brand'
import type { EncryptForClient } from '../clients/keys/encryption.ts'
import type { Client, SigningAlgorithm } from '../model/client.ts'
import type { KeyRing } from '../model/keys.ts'
import type { Clock } from '../runtime/ports.ts'
import { signJwt } from './jwt.ts'

export type ResponseJwts = {
  /**
   * Signs the parameters of a response, and then encrypts them if the client registered for it. Rejects with
   * `StoreUnavailable` if the client has no suitable key.
   * @param members strings, as in a response without a JWT. Undefined ones are omitted.
   */
  readonly make: (client: Client, members: Readonly<Record<string, string | undefined>>) => Promise<string>
  /** Rejects with `StoreUnavailable` if {@link ResponseJwts.make} would. Call it before something is issued. */
  readonly check: (client: Client) => Promise<void>
}

type ResponseJwtPorts = {
  readonly issuer: string
  readonly keys: Pick<KeyRing, 'signing'>
  /** The algorithm of clients without their own: RS256 if it is allowed (JARM §3). */
  readonly defaultAlgorithm: SigningAlgorithm
  readonly encrypt: EncryptForClient
  readonly clock: Clock
  readonly lifetime: Seconds
}

/** The header distinguishes it from an ID token (RFC 8725 §3.11), which has the same `typ`, issuer and audience. */
const kind = { typ: 'JWT', token_use: 'authorization_response' } as const

export function createResponseJwts({
  issuer,
  keys,
  defaultAlgorithm,
  encrypt,
  clock,
  lifetime,
}: ResponseJwtPorts): ResponseJwts {
  async function encrypted(client: Client, signed: string): Promise<string> {
    const { authorization_encrypted_response_alg: alg, authorization_encrypted_response_enc: enc } = client
    return alg === undefined ? signed : encrypt(client, { alg, enc }, signed, 'JWT')
  }
  return {
    async make(client, members) {
      const key = keys.signing(client.authorization_signed_response_alg ?? defaultAlgorithm)
      const claims = { ...members, iss: issuer, aud: client.client_id, exp: clock.now() + lifetime }
      return encrypted(client, await signJwt(key, kind, claims))
    },
    async check(client) {
      await encrypted(client, '')
    },
  }
}
