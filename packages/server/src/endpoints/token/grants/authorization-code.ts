/** The authorization code grant (RFC 6749 §4.1.3) with PKCE (RFC 7636 §4.5–4.6). */

import { hash } from 'node:crypto'
import { grantTypes } from '@tessera/protocol/grant-types'
import { codeChallengeOf, isCodeVerifier } from '@tessera/protocol/pkce'
import { type Refusal, refuse } from '@tessera/protocol/result'
import { requestedResources } from '../../../authorization-request/requested-resources.ts'
import { recheckAuthorization } from '../../../identity/recheck-authorization.ts'
import type { AuthorizationCode, Confirmation } from '../../../model/authorization.ts'
import type { Client } from '../../../model/client.ts'
import { hashHandle } from '../../../model/handle.ts'
import { maskedHandle, maskedSecret, shownList, shownValue } from '../../../model/masked.ts'
import { isRedirectUriOf } from '../../../model/redirect.ts'
import { equalInConstantTime } from '../../../runtime/constant-time.ts'
import type { Grant } from '../decision.ts'
import { refreshOf, subjectOf } from '../earlier-sign-in.ts'

export const authorizationCode: Grant = {
  grantType: grantTypes.authorizationCode,
  limits: {
    code: [100, 'invalid_grant'],
    redirect_uri: [2048, 'invalid_grant'],
    code_verifier: [128, 'invalid_grant'],
  },
  async decide(request, ports) {
    const { client, parameters, confirmation } = request
    const value = parameters.get('code')
    const redirectUri = parameters.get('redirect_uri')
    if (value === undefined)
      return refuse('invalid_request', 'code_missing', { description: 'code is required' })
    // OAuth 2.1 §10.2: the code challenge, which its profile requires, takes the place of redirect_uri.
    if (redirectUri === undefined && client.security_profile !== 'oauth2.1') {
      return refuse('invalid_request', 'redirect_uri_missing', { description: 'redirect_uri is required' })
    }
    const found = await ports.stores.codes.find(hashHandle(value))
    if (!found) return refuse('invalid_grant', 'code_unknown', { log: { received: maskedHandle(value) } })
    const { code, authorization } = found
    const log = { authorization_id: authorization.id, received: maskedHandle(value) }
    if (authorization.client_id !== client.client_id)
      return refuse('invalid_grant', 'code_of_another_client', {
        log: { ...log, expected: `a code of ${client.client_id}` },
      })

    const proof =
      codeProofProblem(code, client, redirectUri, parameters.get('code_verifier')) ??
      codeKeyProblem(code, confirmation)
    if (code.used_at !== undefined) {
      const replayed = refuse('invalid_grant', 'code_replayed', { log })
      // RFC 6749 §4.1.2: a second use revokes the tokens of the first. A used code may have leaked, so require the
      // other proofs.
      return proof
        ? replayed
        : {
            ...replayed,
            effect: { kind: 'revoke_authorization', id: authorization.id, sub: authorization.sub },
          }
    }
    const now = ports.clock.now()
    if (code.expires_at <= now) {
      const expired = `${now - code.expires_at} s after it expired`
      return refuse('invalid_grant', 'code_expired', {
        log: { ...log, expected: `within ${client.authorization_code_lifetime} s`, received: expired },
      })
    }
    if (proof) {
      const { id: authorization_id } = authorization
      return {
        ...proof,
        log: { authorization_id, ...proof.log },
        effect: { kind: 'burn_code', hash: code.hash },
      }
    }
    // The client may have lost the URI since the code was issued.
    if (!isRedirectUriOf(client, code.redirect_uri))
      return refuse('invalid_grant', 'redirect_uri_not_registered', {
        log: { expected: shownList(client.redirect_uris), received: shownValue(code.redirect_uri) },
      })
    const refusal = await recheckAuthorization(authorization, request.client, ports)
    if (refusal) return refusal

    const audience = requestedResources(parameters, ports.resources, {
      agreed: authorization.resources,
      scope: authorization.scope,
    })
    if (!audience.ok) return audience
    const { scope } = authorization
    return {
      ok: true,
      client,
      scope,
      audience: audience.value,
      subject: subjectOf(authorization),
      authorization: { kind: 'existing', authorization },
      use: { kind: 'authorization_code', hash: code.hash },
      confirmation,
      refresh: refreshOf(authorization, client),
      idToken: scope.includes('openid') ? { nonce: code.nonce, s_hash: code.s_hash } : undefined,
    }
  },
}

/** Refuses a request without the key that the code is bound to (RFC 9449 §10). */
const codeKeyProblem = (
  { dpop_jkt }: AuthorizationCode,
  confirmation: Confirmation | undefined,
): Refusal | undefined =>
  dpop_jkt === undefined || dpop_jkt === confirmation?.jkt
    ? undefined
    : refuse('invalid_grant', 'code_bound_to_another_key', {
        log: { expected: `a DPoP proof with the key ${dpop_jkt}`, received: confirmation?.jkt ?? 'no proof' },
      })

/** Returns why the request does not come from the client instance that requested the code. */
function codeProofProblem(
  code: AuthorizationCode,
  client: Client,
  redirectUri: string | undefined,
  verifier: string | undefined,
): Refusal | undefined {
  if (redirectUri !== undefined && redirectUri !== code.redirect_uri) {
    return refuse('invalid_grant', 'redirect_uri_differs', {
      log: { expected: code.redirect_uri, received: shownValue(redirectUri) },
    })
  }
  if (code.code_challenge === undefined) {
    // RFC 9700 §2.1.1, §4.8: a verifier without a challenge indicates a downgrade; so does a missing challenge that the
    // client requires.
    if (verifier !== undefined) {
      return refuse('invalid_grant', 'code_verifier_unexpected', {
        log: { expected: 'no code_verifier', received: maskedSecret(verifier) },
      })
    }
    return client.require_pkce ? refuse('invalid_grant', 'code_challenge_missing') : undefined
  }
  const method = code.code_challenge_method ?? 'plain'
  const wanted = { expected: `the verifier of the ${method} code_challenge` }
  if (verifier === undefined) return refuse('invalid_grant', 'code_verifier_missing', { log: wanted })
  if (method === 'plain' && !client.allow_plain_pkce) return refuse('invalid_grant', 'code_challenge_plain')
  const expected = codeChallengeOf(verifier, method, text => hash('sha256', text, 'base64url'))
  // RFC 7636 §4.1: reject short verifiers, because a short plain challenge could be guessed.
  return isCodeVerifier(verifier) && equalInConstantTime(expected, code.code_challenge)
    ? undefined
    : refuse('invalid_grant', 'code_verifier_wrong', { log: { ...wanted, received: maskedSecret(verifier) } })
}
