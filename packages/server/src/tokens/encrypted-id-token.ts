/** ID tokens that are encrypted for the clients that ask for it (OpenID Connect Core 1.0 §2, §10.2): signed, then encrypted. */

import type { EncryptForClient } from '../clients/keys/encryption.ts'
import type { IdTokens } from './id-token.ts'

export const createEncryptedIdTokens = (signed: IdTokens, encrypt: EncryptForClient): IdTokens => ({
  async make(content) {
    const { client } = content
    const { id_token_encrypted_response_alg: alg, id_token_encrypted_response_enc: enc } = client
    const token = await signed.make(content)
    return alg === undefined ? token : encrypt(client, { alg, enc }, token, 'JWT')
  },
})
