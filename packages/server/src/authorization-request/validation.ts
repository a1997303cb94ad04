/** Validates authorization requests, whichever way they came (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1). */

import { parseAcrValues } from '@tessera/protocol/acr-values'
import type { Seconds } from '@tessera/protocol/brand'
import { parseDisplay } from '@tessera/protocol/display'
import type { Parameters } from '@tessera/protocol/parameters'
import { brings, type ResponseType } from '@tessera/protocol/response-type'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { mayUseProvider, servesTenant, tenantFault } from '../identity/provider-access.ts'
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
import type { CheckedHint, ReadIdTokenHint } from './id-token-hint.ts'
import { tooLong } from './parameter-limits.ts'
import { type Prompt, parsePrompt } from './prompt.ts'
import { validateResources } from './requested-resources.ts'
import { claimScopes, userScopeKinds, validateScope } from './requested-scope.ts'
import { proveResponseTarget } from './response-target.ts'
import { parseResponseMode, validateResponseType } from './response-type.ts'

export type AuthorizationRequestPorts = {
  readonly clients: Clients
  readonly resources: Resources
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  readonly tenants: ReadonlySet<string>
  /** The values of `prompt` that are offered. */
  readonly prompts: readonly Prompt[]
  /** Whether people may sign up in this tenant; undefined: in none. */
  readonly signUpIn: (tenant: string | undefined) => boolean
  readonly readIdTokenHint: ReadIdTokenHint
  /** What happens to scopes that nobody registered, where the client does not say. */
  readonly unknownScopes: UnknownScopes
  /** Whether a request without `scope` is refused, as IdentityServer4 does; else it gets the default. */
  readonly requiresScope: boolean
}

/** @param hint what the request's `id_token_hint` was found to say before, where the request comes without it now. */
export type ValidateAuthorizationRequest = (
  parameters: Parameters,
  hint?: CheckedHint,
) => Promise<AuthorizationRequestResult>

/** Refuses as {@link proveResponseTarget} does, without a target; then, with one, by the first rule that is broken. */
export const createAuthorizationRequestValidator =
  (ports: AuthorizationRequestPorts): ValidateAuthorizationRequest =>
  async (parameters, hint) => {
    const target = await proveResponseTarget(parameters, ports.clients)
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
  const { client } = target
  const mode = parseResponseMode(parameters, target.redirect_uri)
  if (!mode.ok) return mode
  const refusal = unsupported(parameters) ?? tooLong(parameters)
  if (refusal) return refusal
  const type = validateResponseType(client, parameters)
  if (!type.ok) return type
  const apis = validateResources(parameters.all('resource'), resources)
  if (parameters.get('scope') === undefined && ports.requiresScope) return scopeMissing
  const granted = validateScope(parameters.get('scope'), {
    ...{ client, resources, kinds: userScopeKinds, apis: apis.ok ? apis.value : [] },
    issuesCode: brings(type.value, 'code'),
    ignoresOfflineAccess: true,
    ignoresUnknown: (client.unknown_scopes ?? ports.unknownScopes) === 'ignore',
  })
  if (!granted.ok) return granted
  const { scope } = granted.value
  const idTokenRefusal = frontChannelIdTokenRefusal(type.value, scope, parameters)
  if (idTokenRefusal) return idTokenRefusal
  // A code is as well protected whatever comes beside it; without one there is nothing to prove.
  const challenge = brings(type.value, 'code') ? validateCodeChallenge(target, parameters) : ok({})
  if (!challenge.ok) return challenge
  const prompt = parsePrompt(parameters.get('prompt'), ports.prompts)
  if (!prompt.ok) return prompt
  const maxAge = parseMaxAge(parameters.get('max_age'))
  if (!maxAge.ok) return maxAge
  if (!apis.ok) return apis
  const place = validateSignInPlace(parameters.get('acr_values'), client, ports)
  if (!place.ok) return place
  const { acr, ...signInPlace } = place.value
  // Initiating User Registration 1.0 §4.1: where nobody signs up, `create` is a value that is not supported.
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
    prompt: prompt.value,
    ...maxAge.value,
    ...signInPlace,
    requested_acr: requestedAcr(acr, claims.value),
    ...(hint.value && { hint: { client_id: hint.value.client.client_id, sub: hint.value.subs[0] } }),
    expected_users: [...(hint.value ? [hint.value] : []), ...users.map(subs => ({ client, subs }))],
    ...((parameters.get('claims') !== undefined || locales.length > 0) && {
      requested_claims: { userinfo, id_token, ...(locales.length > 0 && { locales }) },
    }),
    ...optional(parameters, 'nonce'),
    ...optional(parameters, 'login_hint'),
    ui_locales: parameters.get('ui_locales')?.split(' ') ?? [],
    display: parseDisplay(parameters.get('display')),
    ignored: [
      ...parameters.ignored.map(parameter => ({ parameter, reason: 'parameter_too_long' })),
      ...granted.value.ignored,
    ],
  })
}

/** OpenID Connect Core 1.0 §3.2.2.1, §3.3.2.11: an ID token from here is tied to its request by the nonce. */
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

/** `acr_values` is voluntary; what the `claims` parameter asks for goes before it (OpenID Connect Core 1.0 §5.5.1.1). */
const requestedAcr = (
  voluntary: readonly string[],
  { acr }: ClaimsParameter,
): ValidatedAuthorizationRequest['requested_acr'] =>
  acr.essential ? acr : { values: [...new Set([...acr.values, ...voluntary])], essential: false }

/** Features that are not offered, each with its registered error (OpenID Connect Core 1.0 §3.1.2.6). */
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

/** Longer than anybody stays signed in: sessions that are older than 68 years there are none. */
const maxMaxAge: Seconds = 2 ** 31

/** OpenID Connect Core 1.0 §3.1.2.1: digits alone. Some clients send the largest integer that they have for "any age". */
function parseMaxAge(text: string | undefined): Result<{ max_age?: Seconds }> {
  if (text === undefined) return ok({})
  return /^\d+$/.test(text)
    ? ok({ max_age: Math.min(Number(text), maxMaxAge) })
    : refuse('invalid_request', 'max_age_malformed', { description: 'Invalid max_age' })
}

type SignInPlace = Pick<ValidatedAuthorizationRequest, 'acr_values' | 'tenant' | 'idp'> & {
  readonly acr: readonly string[]
}

/** A tenant that the client may not name is refused; a provider that it may not use is dropped, and the user chooses. */
function validateSignInPlace(
  text: string | undefined,
  client: Client,
  { tenants, identityProviders }: Pick<AuthorizationRequestPorts, 'tenants' | 'identityProviders'>,
): Result<SignInPlace> {
  const acr = parseAcrValues(text)
  if (!acr.ok) return acr
  const { idp, tenant } = acr.value
  const refusal = tenantFault(client, tenant, tenants)
  if (refusal) return refusal
  const provider = idp === undefined ? undefined : identityProviders.get(idp)
  const known = idp === localProvider || (provider !== undefined && servesTenant(provider, tenant))
  return ok({
    acr: acr.value.acr,
    ...(text !== undefined && { acr_values: text }),
    ...(tenant !== undefined && { tenant }),
    ...(idp !== undefined && known && mayUseProvider(client, idp) && { idp }),
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
 * The hint may be another client's: its `sub` is what that one was told. Not where one of the two is told a pairwise
 * one: together they could ask whether two of their users are the same (OpenID Connect Core 1.0 §8.1).
 */
async function expectedUser(
  hint: CheckedHint | undefined,
  client: Client,
  { clients }: Pick<AuthorizationRequestPorts, 'clients'>,
): Promise<Result<(ExpectedUser & { readonly subs: readonly [string] }) | undefined>> {
  if (hint === undefined) return ok(undefined)
  const told = await clients.find(hint.client_id)
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

const optional = <Name extends string>(
  parameters: Parameters,
  name: Name,
): { readonly [Key in Name]?: string } => {
  const value = parameters.get(name)
  return (value === undefined ? {} : { [name]: value }) as { readonly [Key in Name]?: string }
}
