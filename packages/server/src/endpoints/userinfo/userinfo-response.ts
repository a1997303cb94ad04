/**
 * Formats the UserInfo response as the client registered (OpenID Connect Core 1.0 §5.3.2): JSON, signed, encrypted, or
 * both.
 */

import type { HttpResponse } from '@tessera/protocol/http'
import type { JsonObject } from '@tessera/protocol/result'
import type { EncryptForClient } from '../../clients/keys/encryption.ts'
import { jsonResponse, noStoreHeaders } from '../../messages/json-response.ts'
import type { Client } from '../../model/client.ts'
import type { KeyRing } from '../../model/keys.ts'
import { signJwt } from '../../tokens/jwt.ts'

export type UserinfoResponsePorts = {
  readonly issuer: string
  readonly keys: Pick<KeyRing, 'signing'>
  readonly encrypt: EncryptForClient
}

/**
 * The header distinguishes it from an ID token (RFC 8725 §3.11): both have this `typ`, and an operator may add `exp` to
 * both.
 */
const kind = { typ: 'JWT', token_use: 'userinfo' } as const

export async function userinfoResponse(
  claims: JsonObject,
  client: Client,
  { issuer, keys, encrypt }: UserinfoResponsePorts,
): Promise<HttpResponse> {
  const { userinfo_signed_response_alg: signing, userinfo_encrypted_response_alg: alg } = client
  if (signing === undefined && alg === undefined) return jsonResponse(200, claims)
  const text =
    signing === undefined
      ? JSON.stringify(claims)
      : await signJwt(keys.signing(signing), kind, { ...claims, iss: issuer, aud: client.client_id })
  const content = signing === undefined ? 'json' : 'JWT'
  const enc = client.userinfo_encrypted_response_enc
  const body = alg === undefined ? text : await encrypt(client, { alg, enc }, text, content)
  return {
    status: 200,
    headers: { 'content-type': 'application/jwt', ...noStoreHeaders },
    body,
  }
}
