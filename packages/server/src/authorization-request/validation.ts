/** Validates authorization requests (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1). */

import { parseAcrValues } from '@tessera/protocol/acr-values'
import type { Seconds } from '@tessera/protocol/brand'
import { parseDisplay } from '@tessera/protocol/display'
import type { Parameters } from '@tessera/protocol/parameters'
import { brings, type ResponseType } from '@tessera/protocol/response-type'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { mayUseProvider, servesTenant, tenantRefusal } from '../identity/provider-access.ts'
import type { Client, Clients, UnknownScopes } from '../model/client.ts'
import type { Resources } from '../model/resource.ts'
import { type IdentityProvider, localProvider } from '../model/user.ts'
import type {
  AuthorizationRequestResult,
  ExpectedUser,
  ResponseTarget,
  ValidatedAuthorizationRequest,
} from './authorization-request.ts'
import { type ClaimsParameter, parseClaimsLocales, parseClaimsParameter } from './claims-parameter.ts'
import { validateCodeChallenge } from './code-challenge.ts'
import { validateKeyThumbprint } from './dpop-key.ts'
import type { CheckedHint, ReadIdTokenHint } from './id-token-hint.ts'
import { tooLong } from './parameter-limits.ts'
import { type Prompt, parsePrompt } from './prompt.ts'
import { validateResources } from './requested-resources.ts'
import { claimScopes, userScopeKinds, validateScope } from './requested-scope.ts'
import { proveResponseTarget, type ResponseTargetPorts } from './response-target.ts'
import { parseResponseMode, validateResponseType } from './response-type.ts'

type AuthorizationRequestPorts = ResponseTargetPorts & {
  readonly clients: Clients
  readonly resources: Resources
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  readonly tenants: ReadonlySet<string>
  /** The supported values of `prompt`. */
  readonly prompts: readonly Prompt[]
  /** Returns whether users can sign up in the tenant; undefined means without a tenant. */
  readonly signUpIn: (tenant: string | undefined) => boolean
  readonly readIdTokenHint: ReadIdTokenHint
  /** Whether codes are bound to `dpop_jkt` (RFC 9449 §10). */
  readonly bindsToProofs: boolean
  /** How to handle unknown scopes, unless the client overrides it. */
  readonly unknownScopes: UnknownScopes
  /** Whether `scope` is required, as in IdentityServer4; otherwise it has a default. */
  readonly requiresScope: boolean
}

/** @param hint the content of an `id_token_hint` that was validated earlier and is not part of the parameters. */
export type ValidateAuthorizationRequest = (
  parameters: Parameters,
  hint?: CheckedHint,
) => Promise<AuthorizationRequestResult>

/**
 * Creates the validator. It refuses without a target as {@link proveResponseTarget} does; every later refusal has one.
 */
export const createAuthorizationRequestValidator =
  (ports: AuthorizationRequestPorts): ValidateAuthorizationRequest =>
  async (parameters, hint) => {
    const target = await proveResponseTarget(parameters, ports)
    if (!target.ok) return target
    const request = await validate(parameters, target.value, hint, ports)
    return request.ok ? request : { ...request, target: target.value }
  }

async function validate(
  parameters: Parameters,
  target: ResponseTarget,
  checkedHint: CheckedHint | undefined,
  { resources, ...ports }: AuthorizationRequestPorts,
): Promise<Result<ValidatedAuthorizationRequest>> {
  const { client, redirect_uri: redirectUri } = target
  const { requireSignedResponse } = ports
  const mode = parseResponseMode(parameters, { client, redirectUri, requireSignedResponse })
  if (!mode.ok) return mode
  const refusal = unsupported(parameters) ?? tooLong(parameters)
  if (refusal) return refusal
  const type = validateResponseType(client, parameters)
  if (!type.ok) return type
  const apis = validateResources(parameters.all('resource'), resources)
  if (parameters.get('scope') === undefined && ports.requiresScope) return scopeMissing
  const granted = validateScope(parameters.get('scope'), {
    client,
    resources,
    kinds: userScopeKinds,
    apis: apis.ok ? apis.value : [],
    issuesCode: brings(type.value, 'code'),
    ignoresOfflineAccess: true,
    ignoresUnknown: (client.unknown_scopes ?? ports.unknownScopes) === 'ignore',
  })
  if (!granted.ok) return granted
  const { scope } = granted.value
  const idTokenRefusal = frontChannelIdTokenRefusal(type.value, scope, parameters)
  if (idTokenRefusal) return idTokenRefusal
  // PKCE protects the code of any response type that has one; it does nothing without a code.
  const challenge = brings(type.value, 'code') ? validateCodeChallenge(target, parameters) : ok({})
  if (!challenge.ok) return challenge
  // Without DPoP, the parameter is unknown and ignored (RFC 6749 §3.1).
  const key = ports.bindsToProofs ? validateKeyThumbprint(parameters, client) : ok({})
  if (!key.ok) return key
  const prompt = parsePrompt(parameters.get('prompt'), ports.prompts)
  if (!prompt.ok) return prompt
  const maxAge = parseMaxAge(parameters.get('max_age'))
  if (!maxAge.ok) return maxAge
  if (!apis.ok) return apis
  const place = validateSignInPlace(parameters.get('acr_values'), client, ports)
  if (!place.ok) return place
  const { acr, ...signInPlace } = place.value
  // Initiating User Registration 1.0 §4.1: without sign-up, `create` is an unsupported value.
  if (prompt.value.has('create') && !ports.signUpIn(signInPlace.tenant))
    return refuse('invalid_request', 'sign_up_not_offered', { description: 'Unsupported prompt mode' })
  const read = readHint(parameters.get('id_token_hint'), ports)
  if (!read.ok) return read
  const hint = await expectedUser(read.value ?? checkedHint, client, ports)
  if (!hint.ok) return hint
  const claims = parseClaimsParameter(parameters.get('claims'))
  if (!claims.ok) return claims
  const { userinfo, id_token, users } = claims.value
  const locales = parseClaimsLocales(parameters.get('claims_locales'))

  return ok({
    client,
    target,
    response_type: type.value,
    scope,
    consent_scope: claimScopes(client, resources, scope, [userinfo, id_token].flatMap(Object.keys)),
    resources: apis.value,
    ...challenge.value,
    ...key.value,
    prompt: prompt.value,
    ...maxAge.value,
    ...signInPlace,
    requested_acr: requestedAcr(acr, claims.value),
    hint: hint.value && { client_id: hint.value.client.client_id, sub: hint.value.subs[0] },
    expected_users: [...(hint.value ? [hint.value] : []), ...users.map(subs => ({ client, subs }))],
    requested_claims:
      parameters.get('claims') !== undefined || locales.length > 0
        ? { userinfo, id_token, locales: locales.length > 0 ? locales : undefined }
        : undefined,
    nonce: parameters.get('nonce'),
    login_hint: parameters.get('login_hint'),
    ui_locales: parameters.get('ui_locales')?.split(' ') ?? [],
    display: parseDisplay(parameters.get('display')),
    ignored: [
      ...parameters.ignored.map(parameter => ({ parameter, reason: 'parameter_too_long' })),
      ...granted.value.ignored,
    ],
  })
}

/** Requires `openid` and a nonce for ID tokens of this endpoint (OpenID Connect Core 1.0 §3.2.2.1, §3.3.2.11). */
function frontChannelIdTokenRefusal(
  type: ResponseType,
  scope: readonly string[],
  parameters: Parameters,
): Refusal | undefined {
  if (!brings(type, 'id_token')) return undefined
  if (!scope.includes('openid')) {
    return refuse('invalid_request', 'scope_openid_missing', { description: 'Missing openid scope' })
  }
  return parameters.get('nonce') === undefined
    ? refuse('invalid_request', 'nonce_missing', { description: 'Missing nonce' })
    : undefined
}

/**
 * Returns the requested `acr`. An essential one of the `claims` parameter replaces the voluntary `acr_values` (OpenID
 * Connect Core 1.0 §5.5.1.1).
 */
const requestedAcr = (
  voluntary: readonly string[],
  { acr }: ClaimsParameter,
): ValidatedAuthorizationRequest['requested_acr'] =>
  acr.essential ? acr : { values: [...new Set([...acr.values, ...voluntary])], essential: false }

/** Unsupported parameters with their registered errors (OpenID Connect Core 1.0 §3.1.2.6). */
const unsupportedParameters = [['registration', 'registration_not_supported']] as const

function unsupported(parameters: Parameters): Refusal | undefined {
  const found = unsupportedParameters.find(([name]) => parameters.get(name) !== undefined)
  return (
    found &&
    refuse(found[1], 'parameter_not_supported', {
      description: `${found[0]} is not supported`,
      log: { parameter: found[0] },
    })
  )
}

/** 68 years, which is longer than any session. */
const maxMaxAge: Seconds = 2 ** 31

/**
 * Requires digits (OpenID Connect Core 1.0 §3.1.2.1). Caps the value: some clients send their largest integer to accept
 * any age.
 */
function parseMaxAge(text: string | undefined): Result<{ max_age?: Seconds }> {
  if (text === undefined) return ok({})
  return /^\d+$/.test(text)
    ? ok({ max_age: Math.min(Number(text), maxMaxAge) })
    : refuse('invalid_request', 'max_age_malformed', { description: 'Invalid max_age' })
}

type SignInPlace = Pick<ValidatedAuthorizationRequest, 'acr_values' | 'tenant' | 'idp'> & {
  readonly acr: readonly string[]
}

/**
 * Refuses a tenant that the client may not use. Ignores a provider that it may not use, so that the user can choose
 * another.
 */
function validateSignInPlace(
  text: string | undefined,
  client: Client,
  { tenants, identityProviders }: Pick<AuthorizationRequestPorts, 'tenants' | 'identityProviders'>,
): Result<SignInPlace> {
  const acr = parseAcrValues(text)
  if (!acr.ok) return acr
  const { idp, tenant } = acr.value
  const refusal = tenantRefusal(client, tenant, tenants)
  if (refusal) return refusal
  const provider = idp === undefined ? undefined : identityProviders.get(idp)
  const known = idp === localProvider || (provider !== undefined && servesTenant(provider, tenant))
  return ok({
    acr: acr.value.acr,
    acr_values: text,
    tenant,
    idp: idp !== undefined && known && mayUseProvider(client, idp) ? idp : undefined,
  })
}

function readHint(
  text: string | undefined,
  { readIdTokenHint }: Pick<AuthorizationRequestPorts, 'readIdTokenHint'>,
): Result<CheckedHint | undefined> {
  if (text === undefined) return ok(undefined)
  const hint = readIdTokenHint(text)
  return hint ? ok(hint) : unfitHint('id_token_hint_invalid')
}

/**
 * Returns the user of the hint, which may come from another client. Refuses such a hint if either client has pairwise
 * identifiers, because together they could correlate their users (OpenID Connect Core 1.0 §8.1).
 */
async function expectedUser(
  hint: CheckedHint | undefined,
  client: Client,
  { clients }: Pick<AuthorizationRequestPorts, 'clients'>,
): Promise<Result<(ExpectedUser & { readonly subs: readonly [string] }) | undefined>> {
  if (hint === undefined) return ok(undefined)
  const told = await clients.find(hint.client_id, 'if_reachable')
  if (!told) return unfitHint('id_token_hint_invalid')
  const apart = told.client_id !== client.client_id
  if (apart && [told, client].some(({ subject_type }) => subject_type === 'pairwise')) {
    return unfitHint('id_token_hint_of_another_client')
  }
  return ok({ client: told, subs: [hint.sub] })
}

const scopeMissing = refuse('invalid_request', 'scope_missing', { description: 'Invalid scope' })

const unfitHint = (reason: string): Refusal =>
  refuse('invalid_request', reason, { description: 'Invalid id_token_hint' })
