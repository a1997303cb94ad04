/** The revocation endpoint (RFC 7009). */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { type Limits, maxTokenLength, parseParameters } from '@tessera/protocol/parameters'
import { refuse } from '@tessera/protocol/result'
import type { AuthenticateClient } from '../../clients/authentication/authenticate.ts'
import { credentialLimits } from '../../clients/authentication/method.ts'
import { isForm, notForm } from '../../messages/form.ts'
import { noStoreHeaders, type Refuser } from '../../messages/json-response.ts'
import type { Authorization } from '../../model/authorization.ts'
import type { Client } from '../../model/client.ts'
import type { EventData, Events } from '../../model/events.ts'
import { hashHandle } from '../../model/handle.ts'
import type { Stores } from '../../model/ports/stores.ts'
import { stepsOf } from '../../model/steps.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { RefreshTokens } from '../../tokens/refresh-token.ts'
import type { TokenVerifier } from '../../tokens/verification.ts'

type RevocationPorts = {
  readonly authenticate: AuthenticateClient
  readonly verifier: TokenVerifier
  readonly refreshTokens: RefreshTokens
  readonly stores: Pick<Stores, 'authorizations' | 'families' | 'referenceTokens' | 'revokedTokens'>
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<Events, 'emit'>
  readonly refuser: Refuser
}

const steps = stepsOf('revocation')

const limits: Limits = {
  ...credentialLimits,
  token: [maxTokenLength, 'invalid_request'],
  token_type_hint: [100],
}

/**
 * `POST /connect/revocation` with `token`. Ignores `token_type_hint` (RFC 7009 §2.2), because the token itself shows
 * its type. Responds 200 without effect for unknown tokens and for those of other clients. Refuses 415 for another
 * media type, `invalid_client` and `invalid_request`.
 */
export function createRevocationEndpoint(ports: RevocationPorts): Endpoint {
  return async request => {
    if (!isForm(request)) return ports.refuser(request, notForm, { step: 'parse', status: 415 })
    const parameters = parseParameters(request.body, limits)
    if (!parameters.ok) return ports.refuser(request, parameters, { step: 'parse' })
    const clientId = parameters.value.get('client_id')
    const authenticated = await ports.authenticate(request, parameters.value)
    if (!authenticated.ok) return ports.refuser(request, authenticated, { step: 'authenticate', clientId })
    const token = parameters.value.get('token')
    const { client } = authenticated.value
    if (token === undefined) return ports.refuser(request, tokenMissing, { step: 'commit', client })
    const revoked = await revokeToken(token, client, ports)
    if (revoked) {
      const { client_id } = client
      const { token_hash: _, ...told } = revoked
      ports.log.info('token_revoked', { ...requestFields(request), client_id, steps, ...revoked })
      ports.events.emit('token.revoked', { request_id: request.id, client_id, ...told })
    }
    return done
  }
}

const tokenMissing = refuse('invalid_request', 'token_missing', { description: 'token is required' })

const done: HttpResponse = { status: 200, headers: noStoreHeaders, body: '' }

type RevokingClient = Pick<Client, 'client_id'>
type TokenPorts = Pick<RevocationPorts, 'verifier' | 'refreshTokens' | 'stores' | 'clock'>
type Revoked = Pick<EventData['token.revoked'], 'kind' | 'authorization_id' | 'jti' | 'sub'> & {
  readonly token_hash?: string
}

/** Revokes a token of the client. Returns undefined if there was nothing to revoke. */
export function revokeToken(
  token: string,
  client: RevokingClient,
  ports: TokenPorts,
): Promise<Revoked | undefined> {
  if (token.startsWith('tr_')) return revokeRefreshToken(token, client, ports)
  return token.startsWith('ta_')
    ? revokeReferenceToken(token, client, ports)
    : revokeJwt(token, client, ports)
}

/**
 * Revokes the whole authorization with its access tokens (RFC 7009 §2.1), regardless of the token's generation. Returns
 * undefined if it was revoked before, so that repetitions cause no events.
 */
async function revokeRefreshToken(
  token: string,
  { client_id }: RevokingClient,
  { refreshTokens, stores, clock }: TokenPorts,
): Promise<Revoked | undefined> {
  const handle = refreshTokens.parse(token)
  const found = handle && (await stores.families.find(handle.family))
  if (found?.family.client_id !== client_id) return undefined
  const { id, sub } = found.authorization
  const revoked = await stores.authorizations.revoke(id, clock.now())
  return revoked ? { kind: 'refresh_token', authorization_id: id, sub } : undefined
}

async function revokeReferenceToken(
  token: string,
  { client_id }: RevokingClient,
  { stores }: TokenPorts,
): Promise<Revoked | undefined> {
  const hash = hashHandle(token)
  const found = await stores.referenceTokens.find(hash)
  if (found?.client_id !== client_id) return undefined
  // Revoke derived tokens first: a retry could no longer find this token once it is deleted.
  const jti = String(found.claims.jti)
  await stores.revokedTokens.add(jti, found.expires_at)
  await stores.referenceTokens.revoke(hash)
  const { authorization_id: id } = found
  // The `sub` of the token can be pairwise.
  const authorization = id === undefined ? undefined : await stores.authorizations.find(id)
  return { kind: 'reference_token', token_hash: hash, jti, ...userOf(authorization) }
}

/** Stores the `jti` as revoked until the token expires, because JWTs are not stored. */
async function revokeJwt(
  token: string,
  { client_id }: RevokingClient,
  { verifier, stores }: TokenPorts,
): Promise<Revoked | undefined> {
  const verified = await verifier.verifyAccessToken(token)
  if (!verified.ok || verified.value.client_id !== client_id) return undefined
  const jti = String(verified.value.claims.jti)
  await stores.revokedTokens.add(jti, verified.value.expires_at)
  return { kind: 'jwt', jti, ...userOf(verified.value.authorization) }
}

const userOf = (authorization: Authorization | undefined): Pick<Revoked, 'sub'> =>
  authorization ? { sub: authorization.sub } : {}
