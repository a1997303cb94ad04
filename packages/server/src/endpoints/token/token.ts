/** The token endpoint (RFC 6749 §3.2): parse → authenticate → prove → decide → sign → commit → respond. */

import { type Endpoint, type HttpRequest, type HttpResponse, isConnected } from '@tessera/protocol/http'
import type { Limits, Parameters } from '@tessera/protocol/parameters'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { formatScope } from '@tessera/protocol/scope'
import { maxScopeLength } from '../../authorization-request/parameter-limits.ts'
import type { AuthenticateClient } from '../../clients/authentication/authenticate.ts'
import { credentialLimits } from '../../clients/authentication/method.ts'
import type { CountClientToken } from '../../identity/attempt-limits.ts'
import { doCounted, type Forgive } from '../../identity/attempts.ts'
import { commitForUser, type IsExternalUser } from '../../identity/external-user.ts'
import { readForm } from '../../messages/form.ts'
import { logIgnoredParameters } from '../../messages/ignored.ts'
import { jsonResponse, type Refuser } from '../../messages/json-response.ts'
import type { Client, NoteUse } from '../../model/client.ts'
import type { EventData, Events, PreparedEvent } from '../../model/events.ts'
import { shownList, shownValue } from '../../model/masked.ts'
import type { Commit, Stores } from '../../model/ports/stores.ts'
import { type Step, stepsOf } from '../../model/steps.ts'
import { replayedProof, useProof } from '../../proof/dpop-proof.ts'
import { nonceHeader, type Proven, type SenderConstraints } from '../../proof/sender-constraint.ts'
import { networkOf, requestFields } from '../../runtime/network.ts'
import type { Awaitable } from '../../runtime/ports.ts'
import { isClientId } from '../../tokens/new-authorization.ts'
import type { Decision, Effect, Grant, GrantPorts, RefusedDecision, TokenRequest } from './decision.ts'
import { type Issued, type IssuePorts, issue } from './issue-tokens.ts'
import type { NoteAuthorization, NoteReferenceToken } from './surplus.ts'

type TokenEndpointPorts = GrantPorts &
  IssuePorts & {
    readonly grants: readonly Grant[]
    readonly authenticate: AuthenticateClient
    readonly senderConstraints: Pick<SenderConstraints, 'prove' | 'headersFor'>
    /** Lets a module refuse a decision or add members to its response. */
    readonly validate?: (request: TokenRequest, decision: Decision) => Awaitable<Decision | RefusedDecision>
    readonly stores: Stores
    readonly isExternalUser: IsExternalUser
    readonly noteUse: NoteUse
    readonly noteAuthorization: NoteAuthorization
    readonly noteReferenceToken: NoteReferenceToken
    readonly countClientToken: CountClientToken
    readonly events: Events
    readonly refuser: Refuser
  }

export function createTokenEndpoint(ports: TokenEndpointPorts): Endpoint {
  const limits = limitsOf(ports.grants)
  const grants = new Map(ports.grants.map(grant => [grant.grantType, grant]))

  return async request => {
    const parameters = readForm(request, limits)
    if (!parameters.ok) return ports.refuser(request, parameters, { step: 'parse' })
    const authenticated = await ports.authenticate(request, parameters.value)
    if (!authenticated.ok)
      return ports.refuser(request, authenticated, {
        step: 'authenticate',
        clientId: parameters.value.get('client_id'),
      })
    const { client } = authenticated.value
    const result = await respondToClient(request, parameters.value, client)
    if ('status' in result) return result
    const { effect, step = 'decide', proof } = result
    // A delayed duplicate of a successful request must not revoke anything (docs/decisions/0029).
    const gone = effect !== undefined && !(await isConnected(request))
    // Nor must a repeated request, whose proof was used before (RFC 9449 §11.1).
    const replayed =
      isFinal(effect) && !gone && proof && (await useProof({ use: proof }, ports.stores.usedAssertions))
    if (replayed)
      return ports.refuser(request, replayed, {
        step,
        client,
        headers: ports.senderConstraints.headersFor(replayed),
      })
    const changed = effect && !gone && (await perform(effect, ports))
    // Only the first time: whoever repeats a replay must not fill the queues of webhooks and the audit log.
    if (effect?.kind === 'revoke_authorization' && changed)
      ports.events.emit('authorization.revoked', {
        authorization_id: effect.id,
        client_id: client.client_id,
        sub: effect.sub,
        reason: result.reason,
        request_id: request.id,
      })
    return ports.refuser(request, gone ? { ...result, log: { ...result.log, client_gone: true } } : result, {
      step,
      client,
      headers: ports.senderConstraints.headersFor(result),
      alarm: effect?.kind === 'revoke_authorization' && !gone,
    })
  }

  async function respondToClient(
    request: HttpRequest,
    parameters: Parameters,
    client: Client,
  ): Promise<HttpResponse | (RefusedDecision & UnusedProof)> {
    const grant = grantOf(parameters.get('grant_type'), client, grants)
    if (!grant.ok) return at('grant', grant)
    const proven = ports.senderConstraints.prove(request, client)
    if (!proven.ok) return at('prove', proven)
    const { confirmation, confirmFor, use: proof, nonce } = proven.value
    const tokenRequest: TokenRequest = {
      client,
      parameters,
      confirmation,
      confirmFor,
      from: networkOf(request),
      id: request.id,
    }
    const once = (proof?: Proven['use']) =>
      attempt(grant.value, tokenRequest, { id: request.id, proof }, ports)
    const first = await once(proof)
    // The first attempt has used up the proof for this request.
    const outcome = first ?? (await once())
    if (outcome === undefined) return at('commit', refuse('invalid_grant', 'lost_twice'))
    if (!outcome.ok) return { ...outcome, proof: first && proof }
    const { decision, issued, event } = outcome
    ports.noteUse(decision.client, decision.subject?.sub)
    if (decision.subject && keepsAuthorization(decision)) ports.noteAuthorization(decision.subject.sub)
    if (issued.authorizationId !== undefined && issued.accessToken.reference)
      ports.noteReferenceToken(issued.authorizationId)
    if (decision.ignored) logIgnoredParameters(ports.log, 'token', request, client, decision.ignored)
    ports.log.info('tokens_issued', {
      ...requestFields(request),
      client_id: decision.client.client_id,
      steps,
      grant_type: grant.value.grantType,
      sub: decision.subject?.sub,
      authorization_id: issued.authorizationId,
      scope: decision.scope,
    })
    event.happened()
    return respond(decision, issued, nonce)
  }
}

const steps = stepsOf('token')

/** The proof of a refused request, unless it was used up. */
type UnusedProof = { readonly proof?: Proven['use'] }

/** Returns whether the effect ends something. Polls only slow down the client. */
const isFinal = (effect: Effect | undefined): boolean =>
  effect !== undefined && effect.kind !== 'device_polled'

/** Returns the refusal with the step that refused. */
const at = (step: Step, refusal: Refusal): RefusedDecision => ({ ...refusal, step })

/** Returns whether the authorization was created, or extended by redeeming its code. */
const keepsAuthorization = ({ authorization, use }: Decision): boolean =>
  authorization?.kind === 'new' || use?.kind === 'authorization_code' || use?.kind === 'device_code'

function grantOf(
  grantType: string | undefined,
  client: Client,
  grants: ReadonlyMap<string, Grant>,
): Result<Grant> {
  if (grantType === undefined)
    return refuse('invalid_request', 'grant_type_missing', { description: 'grant_type is required' })
  const grant = grants.get(grantType)
  if (!grant)
    return refuse('unsupported_grant_type', 'grant_type_unknown', {
      description: 'This server does not support this grant_type',
      log: { expected: shownList(grants.keys()), received: shownValue(grantType) },
    })
  return client.grant_types.has(grantType)
    ? ok(grant)
    : refuse('unauthorized_client', 'grant_type_not_allowed', {
        description: 'This client may not use this grant_type',
        log: { expected: shownList(client.grant_types), received: grantType },
      })
}

type Outcome =
  | {
      readonly ok: true
      readonly decision: Decision
      readonly issued: Issued
      readonly event: PreparedEvent
    }
  | RefusedDecision

/**
 * Decides, signs and commits once. Returns undefined if a concurrent request used the credential first. The next
 * attempt sees that use and treats this request as a retry or a replay.
 */
async function attempt(
  grant: Grant,
  request: TokenRequest,
  { id, proof }: { readonly id: string; readonly proof: Proven['use'] },
  ports: TokenEndpointPorts,
): Promise<Outcome | undefined> {
  const decided = await grant.decide(request, ports)
  const decision = decided.ok && ports.validate ? await ports.validate(request, decided) : decided
  if (!decision.ok) return decision
  if (decision.subject && (await isClientId(ports.findClient, decision.subject.sub))) {
    return refuse('invalid_grant', 'subject_is_a_client', { log: { sub: decision.subject.sub } })
  }
  const issued = await issue(decision, ports)
  if (!issued.ok) return at('sign', issued)
  if (isOriginRevoked(decision, ports)) return at('commit', refuse('invalid_grant', 'no_longer_valid'))
  const event = ports.events.prepare('token.issued', issuedEvent(grant, decision, issued.value, id))
  const commit = completed(issued.value.commit, { proof, messages: event.messages }, decision, ports)
  const counted = await admitRow(issued.value, decision, request, ports)
  if (!counted.ok) return at('commit', counted)
  const write = async () => (commit ? commitForUser(commit, decision.subject, ports) : 'committed')
  const outcome = await doCounted(counted.value, write, result => result === 'committed')
  if (outcome === 'revoked') return at('commit', refuse('invalid_grant', 'no_longer_valid'))
  const { subject } = decision
  if (
    outcome === 'committed' &&
    subject?.ending !== undefined &&
    (await ports.accessEndings.isOvertaken(subject))
  ) {
    if (issued.value.authorizationId !== undefined)
      await ports.stores.authorizations.revoke(issued.value.authorizationId, ports.clock.now())
    return at('commit', refuse('invalid_grant', 'no_longer_valid'))
  }
  if (outcome === 'proof_replayed') return at('commit', replayedProof)
  if (outcome === 'committed') return { ok: true, decision, issued: issued.value, event }
  return decision.use?.kind === 'assertion'
    ? at('commit', refuse('invalid_grant', 'assertion_replayed'))
    : undefined
}

/**
 * Returns whether everything of a client was revoked while the grant and its hooks worked with a token of the client. The
 * new token is younger than the revocation, so that nothing else would end it.
 */
const isOriginRevoked = (
  { origin, origin_issued_at: created_at }: Decision,
  { isRevoked }: TokenEndpointPorts,
): boolean =>
  created_at !== undefined &&
  (origin?.derived_from_clients ?? []).some(client_id => isRevoked({ client_id, created_at }))

/** Counts the row of a reference token that no authorization bounds (docs/decisions/0018-authorizations-per-user.md). */
const admitRow = async (
  { accessToken, authorizationId }: Issued,
  { client }: Decision,
  { from }: TokenRequest,
  { countClientToken }: TokenEndpointPorts,
): Promise<Result<Forgive>> =>
  accessToken.reference && authorizationId === undefined
    ? countClientToken(client, from, accessToken.expires_in)
    : ok(async () => {})

const issuedEvent = (
  { grantType: grant_type }: Grant,
  { client: { client_id }, subject }: Decision,
  { scope, authorizationId: authorization_id }: Issued,
  request_id: string,
): EventData['token.issued'] => ({
  client_id,
  grant_type,
  scope,
  ...(subject && { sub: subject.sub }),
  ...(authorization_id !== undefined && { authorization_id }),
  request_id,
})

/**
 * Adds the proof and the event to the commit. If nothing else would be written for the tokens, a commit is created only
 * for a proof, or if a webhook subscribes to the event.
 */
function completed(
  commit: Commit | undefined,
  { proof, messages }: Pick<Commit, 'proof' | 'messages'>,
  { client: { client_id }, subject }: Decision,
  { clock }: TokenEndpointPorts,
): Commit | undefined {
  if (!proof && !messages) return commit
  return { ...(commit ?? { at: clock.now(), client_id, sub: subject?.sub }), proof, messages }
}

/** Returns false if it revoked nothing, because the authorization was revoked before. */
async function perform(effect: Effect, { stores, clock }: TokenEndpointPorts): Promise<boolean> {
  const now = clock.now()
  if (effect.kind === 'revoke_authorization') return stores.authorizations.revoke(effect.id, now)
  if (effect.kind === 'burn_code') await stores.codes.burn(effect.hash, now)
  else await stores.devices.recordPoll(effect.hash, now, effect.slowDown)
  return true
}

/**
 * Responds with the tokens (RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3) and how long the refresh token lasts
 * (draft-ietf-oauth-refresh-token-expiration-03 §6.1). Members of the grant come first, so that they can't replace or add
 * standard ones.
 */
const respond = (decision: Decision, issued: Issued, nonce: string | undefined): HttpResponse =>
  jsonResponse(
    200,
    {
      ...decision.members,
      error: undefined,
      error_description: undefined,
      access_token: issued.accessToken.value,
      token_type: issued.accessToken.token_type,
      expires_in: issued.accessToken.expires_in,
      scope: formatScope(issued.scope),
      refresh_token: issued.refreshToken?.value,
      refresh_token_timeout: issued.refreshToken?.expiration.refresh_token_timeout,
      authorization_expires_in: issued.refreshToken?.expiration.authorization_expires_in,
      id_token: issued.idToken,
    },
    nonce === undefined ? undefined : nonceHeader(nonce),
  )

const commonLimits: Limits = {
  ...credentialLimits,
  grant_type: [100, 'unsupported_grant_type'],
  scope: [maxScopeLength, 'invalid_scope'],
  resource: [512, 'invalid_target'],
  audience: [512, 'invalid_target'],
}

/**
 * Returns the limits of all grants. If several grants read a parameter, the first one's limit applies: grants of modules
 * come last.
 */
const limitsOf = (grants: readonly Grant[]): Limits =>
  Object.assign({}, ...grants.map(grant => grant.limits).toReversed(), commonLimits)
