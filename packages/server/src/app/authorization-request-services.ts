/** Services for authorization requests: plain parameters, request objects and pushed requests. */

import { createIdTokenHintReader, type ReadIdTokenHint } from '../authorization-request/id-token-hint.ts'
import { createLongRequests, type LongRequests } from '../authorization-request/long-request.ts'
import { promptsOffered } from '../authorization-request/prompt.ts'
import { createPushedRequests, type PushedRequests } from '../authorization-request/pushed-request.ts'
import {
  type AuthorizationRequestResolution,
  createAuthorizationRequestResolution,
} from '../authorization-request/resolution.ts'
import {
  createAuthorizationRequestValidator,
  type ValidateAuthorizationRequest,
} from '../authorization-request/validation.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { type CountPending, createPendingCounter } from '../identity/attempt-limits.ts'
import { createSealing } from '../keys/sealing.ts'
import { sealLifetime } from '../pages/flow/seal.ts'
import type { Services } from './services.ts'

export type AuthorizationRequestServices = {
  readonly resolution: AuthorizationRequestResolution
  readonly validate: ValidateAuthorizationRequest
  readonly readIdTokenHint: ReadIdTokenHint
  readonly pushedRequests: PushedRequests
  /** Requests that are too long for a URL. */
  readonly longRequests: LongRequests
  readonly countPending: CountPending
}

export function createAuthorizationRequestServices(
  { issuer, resources, tenants, unknownScopes, compatibility, ...configuration }: Configuration,
  { context, attempts, clients, tokens, signIn, accounts }: Services,
): AuthorizationRequestServices {
  const {
    allowUnregisteredUris,
    mostPending,
    pushedLifetime,
    requestObjectMaxLifetime,
    requirePushed,
    requireSigned,
  } = configuration.authorizationRequests
  const { requireSigned: requireSignedResponse } = configuration.authorizationResponses
  const { stores, derived, keys, clock, random, outbound } = context
  const { offered } = accounts
  const readIdTokenHint = createIdTokenHintReader({ issuer, keys })
  const pushedRequests = createPushedRequests({
    stores,
    pushedLifetime,
    sealing: createSealing({ derived, purpose: 'pushed-requests' }),
    clock,
    random,
  })
  return {
    resolution: createAuthorizationRequestResolution({
      issuer,
      clients: clients.lookup,
      verifySignature: clients.verifySignature,
      decryption: tokens.decryption,
      pushedRequests,
      requirePushed,
      requireSigned,
      requestObjectMaxLifetime,
      requireSignedResponse,
      allowUnregisteredUris,
      outbound,
      clock,
    }),
    validate: createAuthorizationRequestValidator({
      clients: clients.lookup,
      resources,
      identityProviders: signIn.identityProviders,
      tenants,
      prompts: promptsOffered(offered),
      signUpIn: offered.signUpIn,
      readIdTokenHint,
      bindsToProofs: configuration.dpop.enabled,
      requireSignedResponse,
      unknownScopes,
      requiresScope: compatibility === 'identityserver4',
    }),
    readIdTokenHint,
    pushedRequests,
    longRequests: createLongRequests({
      stores,
      sealing: createSealing({ derived, purpose: 'long-requests' }),
      lifetime: sealLifetime,
      clock,
      random,
    }),
    countPending: createPendingCounter({
      countAttempt: attempts.countAttempt,
      mostPending,
    }),
  }
}
