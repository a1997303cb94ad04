/**
 * Issues the members of the response type: a code, an ID token, an access token (OpenID Connect Core 1.0 §3.1.2.5,
 * §3.2.2.5, §3.3.2.5). All belong to one authorization and are stored in one write.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { brings } from '@tessera/protocol/response-type'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { ValidatedAuthorizationRequest } from '../../authorization-request/authorization-request.ts'
import type { ResponseMembers } from '../../authorization-request/authorization-response.ts'
import { alreadyUsed, type Pushed, usedAssertionOf } from '../../authorization-request/pushed-request.ts'
import { type CountAttempt, doCounted, type Forgive } from '../../identity/attempts.ts'
import { countedKeys } from '../../identity/counted-keys.ts'
import { commitForUser, type IsExternalUser } from '../../identity/external-user.ts'
import type { ReadIdentityClaims } from '../../identity/identity-claims.ts'
import type { Authorization, AuthorizationCode, Session } from '../../model/authorization.ts'
import { applyEntries, entriesFor, sourceNames } from '../../model/claim-rule.ts'
import type { Clients, NoteUse } from '../../model/client.ts'
import type { Events } from '../../model/events.ts'
import { hashHandle, newHandle } from '../../model/handle.ts'
import type { Commit, CommitOutcome, Stores } from '../../model/ports/stores.ts'
import { leftHalfHash } from '../../model/signature-algorithm.ts'
import { stepsOf } from '../../model/steps.ts'
import type { Profile } from '../../model/user.ts'
import type { NoteWaitingCode } from '../../pages/flow/waiting-codes.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Clock, Log, Random } from '../../runtime/ports.ts'
import type { AccessToken, AccessTokens } from '../../tokens/access-token.ts'
import type { Audiences } from '../../tokens/audience.ts'
import type { IdTokens } from '../../tokens/id-token.ts'
import { type CreateAuthorization, isClientId } from '../../tokens/new-authorization.ts'

const steps = stepsOf('authorize')

export type IssuePorts = {
  readonly stores: Pick<Stores, 'codes' | 'sessions' | 'consents' | 'authorizations' | 'commit'>
  readonly createAuthorization: CreateAuthorization
  readonly noteWaitingCode: NoteWaitingCode
  readonly noteUse: NoteUse
  readonly countAttempt: CountAttempt
  readonly clients: Pick<Clients, 'find'>
  readonly audiences: Audiences
  readonly accessTokens: AccessTokens
  readonly idTokens: IdTokens
  readonly profile: Pick<Profile, 'claims'>
  readonly isExternalUser: IsExternalUser
  readonly readIdentityClaims: ReadIdentityClaims
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly events: Pick<Events, 'emit'>
  /** Whether ID tokens have a state hash (FAPI 1.0 Part 2 §5.2.2.1). */
  readonly emitStateHash: boolean
  /** Whether responses without an access token include `scope`, as in IdentityServer4. */
  readonly emitsScope: boolean
}

/** The data that the response depends on, besides the request. */
type IssueContext = {
  readonly session: Session
  readonly hasConsent: boolean
  /** The pushed request, which this response redeems. */
  readonly pushed: Pushed | undefined
}

/**
 * Issues the response and adds the client to the session. Returns undefined, and revokes what was issued, if the
 * session or the consent ended in the meantime. Refuses what {@link Audiences.of} refuses, `access_denied` for a
 * disabled client or user, and `invalid_request_uri` for a pushed request that was used before.
 */
export async function issueResponse(
  httpRequest: HttpRequest,
  request: ValidatedAuthorizationRequest,
  { session, hasConsent, pushed }: IssueContext,
  ports: IssuePorts,
): Promise<Result<ResponseMembers> | undefined> {
  if (await isClientId(ports.clients.find, session.sub))
    return refuseIneligible('subject_is_a_client', session)
  const counted = await countFrontChannelTokens(request, session, ports)
  if (!counted.ok) return counted
  const issue = () => issueCounted(httpRequest, request, { session, hasConsent, pushed }, ports)
  // A refused request wrote nothing, so it is not counted.
  return doCounted(counted.value, issue, outcome => outcome === undefined || outcome.ok)
}

async function issueCounted(
  httpRequest: HttpRequest,
  request: ValidatedAuthorizationRequest,
  { session, hasConsent, pushed }: IssueContext,
  ports: IssuePorts,
): Promise<Result<ResponseMembers> | undefined> {
  const { client, scope, resources, response_type, requested_claims } = request
  const { stores, clock, random, log } = ports
  const now = clock.now()
  const hasCode = brings(response_type, 'code')
  const authorization = await ports.createAuthorization({
    client,
    session,
    scope,
    resources,
    requested_claims,
    expires_at: now + lifetimeOf(request),
  })
  const code = hasCode ? newHandle(random, 'tc') : undefined
  const accessToken = brings(response_type, 'token')
    ? await makeAccessToken(request, authorization, now, ports)
    : ok(undefined)
  if (!accessToken.ok) return accessToken
  const s_hash = stateHash(request, ports)
  const idToken = brings(response_type, 'id_token')
    ? await makeIdToken(request, authorization, { code, accessToken: accessToken.value, s_hash }, ports)
    : undefined

  if (code !== undefined) {
    const row = codeOf(request, authorization, { code, s_hash, now })
    const beside = { referenceToken: accessToken.value?.reference, use: pushed && usedAssertionOf(pushed) }
    if (!(await stores.codes.issue(authorization, row, beside))) return alreadyUsed
    await ports.noteWaitingCode(authorization, row)
  } else {
    const outcome = await storeWithoutCode(authorization, accessToken.value, { now, pushed }, ports)
    if (outcome === 'already_used') return alreadyUsed
    if (outcome !== 'committed') return refuseIneligible('no_longer_valid', session)
  }
  // Only after the authorization is written, so that a session or consent which ends later revokes it.
  const [joined, agreed] = await Promise.all([
    stores.sessions.join(session.sid, client.client_id),
    !hasConsent || stores.consents.stillGiven(session.sub, client.client_id),
  ])
  if (!joined || !agreed) {
    await stores.authorizations.revoke(authorization.id, clock.now())
    return pushed ? alreadyUsed : undefined
  }
  ports.noteUse(client, session.sub)
  log.info('authorization_issued', {
    ...requestFields(httpRequest),
    client_id: client.client_id,
    steps,
    sub: session.sub,
    sid: session.sid,
    authorization_id: authorization.id,
    response_type,
    scope,
  })
  if (accessToken.value || idToken)
    ports.events.emit('token.issued', {
      client_id: client.client_id,
      grant_type: 'implicit',
      scope,
      sub: session.sub,
      authorization_id: authorization.id,
      request_id: httpRequest.id,
    })
  return ok({
    code,
    access_token: accessToken.value?.value,
    token_type: accessToken.value?.token_type,
    expires_in: accessToken.value && String(accessToken.value.expires_in),
    id_token: idToken,
    // RFC 6749 §4.2.2 defines `scope` for responses with an access token; a code response has none (§4.1.2).
    scope: accessToken.value || ports.emitsScope ? scope.join(' ') : undefined,
  })
}

/** Returns the lifetime of the authorization if its code is not redeemed: that of the tokens and code issued here. */
function lifetimeOf({ client, response_type }: ValidatedAuthorizationRequest): Seconds {
  const lifetimes = {
    code: client.authorization_code_lifetime,
    token: client.access_token_lifetime,
    id_token: client.identity_token_lifetime,
  } as const
  const issued = (['code', 'token'] as const).filter(part => brings(response_type, part))
  return Math.max(...(issued.length > 0 ? issued : (['id_token'] as const)).map(part => lifetimes[part]))
}

/**
 * Limits tokens of this endpoint, since they can't be discarded like unredeemed codes. A page that renews tokens in a
 * frame needs few. The limits of a client and of all clients are in the same proportion as those of pending codes.
 */
const frontChannelLimit = { atClient: 1000, ofUser: 5000, span: 3600 } as const

async function countFrontChannelTokens(
  { client: { client_id }, response_type }: ValidatedAuthorizationRequest,
  { sub }: Session,
  { countAttempt }: IssuePorts,
): Promise<Result<Forgive>> {
  if (brings(response_type, 'code') && !brings(response_type, 'token')) return ok(async () => {})
  const { atClient, ofUser, span } = frontChannelLimit
  const counted = await countAttempt([
    { key: countedKeys.frontChannelTokens(sub, client_id), most: atClient, span },
    { key: countedKeys.frontChannelTokensAtAllClients(sub), most: ofUser, span },
  ])
  return counted.ok
    ? ok(counted.forgive)
    : refuse('temporarily_unavailable', 'front_channel_tokens_too_often', {
        description: 'Too many requests for this user',
        log: { sub },
      })
}

const refuseIneligible = (reason: string, { sub }: Session) =>
  refuse('access_denied', reason, { description: 'This user may not sign in to this client', log: { sub } })

const stateHash = (
  { client, target: { state } }: ValidatedAuthorizationRequest,
  { emitStateHash }: IssuePorts,
): string | undefined =>
  emitStateHash && state !== undefined ? leftHalfHash(state, client.id_token_signed_response_alg) : undefined

const codeOf = (
  { client, target, code_challenge, code_challenge_method, dpop_jkt, nonce }: ValidatedAuthorizationRequest,
  { id }: Authorization,
  { code, s_hash, now }: { code: string; s_hash: string | undefined; now: Seconds },
): AuthorizationCode => ({
  hash: hashHandle(code),
  authorization_id: id,
  redirect_uri: target.redirect_uri,
  code_challenge,
  code_challenge_method,
  nonce,
  s_hash,
  dpop_jkt,
  expires_at: now + client.authorization_code_lifetime,
})

/** Creates an access token. It is not bound to a key, because the browser presents none, and has no refresh token. */
async function makeAccessToken(
  { client, scope, resources }: ValidatedAuthorizationRequest,
  authorization: Authorization,
  now: Seconds,
  { audiences, accessTokens, profile }: IssuePorts,
): Promise<Result<AccessToken>> {
  const audience = audiences.of(scope, resources)
  if (!audience.ok) return audience
  const { client_id } = client
  const entries = entriesFor(audience.value.claims, client.user_claims)
  const names = sourceNames(entries)
  const known =
    names.length === 0
      ? {}
      : await profile.claims({ subject: authorization, client_id, names, use: 'access_token' })
  return ok(
    await accessTokens.make({
      client,
      audience: audience.value,
      subject: authorization,
      authorization_id: authorization.id,
      claims: applyEntries(entries, known),
      issued_at: now,
      type: client.access_token_type,
      lifetime: client.access_token_lifetime,
    }),
  )
}

/** Creates an ID token. It contains the claims of the scope if there is no access token, and so no UserInfo (§5.4). */
async function makeIdToken(
  { client, scope, response_type, nonce, requested_claims }: ValidatedAuthorizationRequest,
  authorization: Authorization,
  beside: { code: string | undefined; accessToken: AccessToken | undefined; s_hash: string | undefined },
  { idTokens, readIdentityClaims }: IssuePorts,
): Promise<string> {
  const alone = response_type === 'id_token' || client.always_include_user_claims_in_id_token
  const claims = await readIdentityClaims({
    client,
    subject: authorization,
    use: 'id_token',
    scope: alone ? scope : [],
    requested: requested_claims,
  })
  const { code, accessToken, s_hash } = beside
  return idTokens.make({
    client,
    subject: authorization,
    claims,
    requested: requested_claims?.id_token,
    nonce,
    code,
    accessToken: accessToken?.value,
    s_hash,
  })
}

async function storeWithoutCode(
  authorization: Authorization,
  accessToken: AccessToken | undefined,
  { now, pushed }: { readonly now: Seconds; readonly pushed: Pushed | undefined },
  ports: IssuePorts,
): Promise<CommitOutcome> {
  const { client_id, sub } = authorization
  const referenceToken = accessToken?.reference
  const commit: Commit = {
    at: now,
    client_id,
    sub,
    use: pushed && { kind: 'assertion', ...usedAssertionOf(pushed) },
    issue: { authorization, referenceToken },
  }
  return commitForUser(commit, authorization, ports)
}
