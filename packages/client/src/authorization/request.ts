/** Authorization requests (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1). PKCE (RFC 7636) is always used. */

import type { Seconds } from '@tessera/protocol/brand'
import { brings, bringsToken, type ResponseType } from '@tessera/protocol/response-type'
import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../create-client.ts'
import { endpointUrl, type ServerMetadata } from '../discovery/metadata.ts'
import { ClientError } from '../error.ts'
import type { CallOptions } from '../http/client-request.ts'
import { encodeForm, type FormParameters } from '../http/form.ts'
import { unlessAborted } from '../http/unless-aborted.ts'
import { fail, ok, type Result } from '../result.ts'
import type { PendingAuthorization, ResponseMode } from './pending.ts'
import { pushRequest } from './pushed-request.ts'
import { codeChallenge, randomText } from './random.ts'
import type { EncryptRequest, SignRequest } from './request-object.ts'

/** Parameters of the request. Others can be passed in `parameters`. */
export type AuthorizationOptions = CallOptions & {
  readonly redirect_uri: string
  /** Space-separated names; the default is `openid`. Without `openid`, the request is one of plain OAuth 2.0. */
  readonly scope?: string | undefined
  /** The default is `code`. */
  readonly response_type?: ResponseType | undefined
  /**
   * The default is `query` for the response type `code`, otherwise `fragment`. With `jwt` or a mode that ends in `.jwt`,
   * only a signed response is accepted.
   */
  readonly response_mode?: ResponseMode | undefined
  /** Space-separated values, such as `login`, `consent` or `none`. */
  readonly prompt?: string | undefined
  /** The maximum age of the user's sign-in. The `auth_time` of the ID token is checked against it. */
  readonly max_age?: Seconds | undefined
  readonly login_hint?: string | undefined
  readonly id_token_hint?: string | undefined
  /** Space-separated values, the preferred one first. The server may ignore them: check `acr` of the claims. */
  readonly acr_values?: string | undefined
  /** Space-separated language tags (BCP 47). */
  readonly ui_locales?: string | undefined
  readonly display?: 'page' | 'popup' | 'touch' | 'wap' | undefined
  /** OpenID Connect Core 1.0 §5.5. */
  readonly claims?: JsonObject | undefined
  /** The APIs that the access token will be used at (RFC 8707 §2). */
  readonly resource?: string | readonly string[] | undefined
  /** More parameters of the request. Throws if one of them has an option or is set by this library. */
  readonly parameters?: FormParameters | undefined
  /**
   * Whether the parameters are pushed to the server first (RFC 9126), so that the browser sees none of them. The default
   * is true if the server requires it.
   */
  readonly pushed?: boolean | undefined
  /** Signs the parameters (RFC 9101): {@link signedRequests}. It can be combined with `pushed`. */
  readonly sign?: SignRequest | undefined
  /** Encrypts the signed parameters: {@link encryptedRequests}. Throws without `sign`. */
  readonly encrypt?: EncryptRequest | undefined
}

export type AuthorizationRequest = {
  /** The URL that the browser is sent to. */
  readonly url: string
  /** Store it until the response arrives. */
  readonly pending: PendingAuthorization
}

/**
 * Creates an authorization request with a new `state`, `nonce` and `code_verifier`. Fails with `unsupported` if the
 * server's metadata excludes the request, and with the errors of a pushed request.
 */
export async function createAuthorizationRequest(
  client: Client,
  options: AuthorizationOptions,
): Promise<Result<AuthorizationRequest>> {
  const pending = pendingOf(client, options)
  checkOptions(pending, options)
  const metadata = await unlessAborted(client.issuer.metadata(), options.signal)
  if (!metadata.ok) return metadata
  const endpoint = endpointUrl(metadata.value, 'authorization_endpoint')
  if (!endpoint.ok) return endpoint
  const problem = unsupportedBy(metadata.value, pending, options)
  if (problem) return fail(problem)

  const plain = {
    ...options.parameters,
    ...(await client.proof?.authorizationParameters?.()),
    ...(await parametersOf(pending, options)),
  }
  const { sign, encrypt, pushed = metadata.value.require_pushed_authorization_requests } = options
  const signed = sign ? await sign(client, plain) : plain
  const parameters = encrypt ? await unlessAborted(encrypt(client, signed), options.signal) : ok(signed)
  if (!parameters.ok) return parameters
  const sent = pushed ? await pushRequest(client, parameters.value, options.signal) : parameters
  return sent.ok ? ok({ url: withQuery(endpoint.value, sent.value), pending }) : sent
}

function pendingOf({ issuer, client_id }: Client, options: AuthorizationOptions): PendingAuthorization {
  const { response_type = 'code', scope = 'openid', redirect_uri, max_age, resource } = options
  return {
    issuer: issuer.url,
    client_id,
    redirect_uri,
    response_type,
    response_mode: options.response_mode ?? (response_type === 'code' ? 'query' : 'fragment'),
    scope,
    state: randomText(),
    nonce: isOpenId(scope) ? randomText() : undefined,
    code_verifier: brings(response_type, 'code') ? randomText() : undefined,
    max_age,
    resource,
    created_at: Math.floor(issuer.now()),
  }
}

const isOpenId = (scope: string): boolean => scope.split(' ').includes('openid')

/** Parameters that this library creates; a caller's own would break the validation of the response. */
const reserved = [
  'client_id',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
]

/** Parameters that are options of the same name. */
const optional = [
  'prompt',
  'max_age',
  'login_hint',
  'id_token_hint',
  'acr_values',
  'ui_locales',
  'display',
  'resource',
] as const satisfies readonly (keyof AuthorizationOptions)[]

const named = ['redirect_uri', 'scope', 'response_type', 'response_mode', 'claims', ...optional]

function checkOptions(
  pending: PendingAuthorization,
  { parameters = {}, sign, encrypt }: AuthorizationOptions,
): void {
  const { redirect_uri, response_type, response_mode, scope } = pending
  if (!URL.canParse(redirect_uri))
    throw new TypeError(`redirect_uri must be an absolute URL: ${JSON.stringify(redirect_uri)}`)
  if (encrypt && !sign) throw new TypeError('encrypt needs sign: a request is signed, then encrypted')
  const clash = Object.keys(parameters).find(name => reserved.includes(name) || named.includes(name))
  if (clash !== undefined) throw new TypeError(`parameters contains ${clash}, which this library sets itself`)
  if (bringsToken(response_type) && response_mode === 'query')
    throw new TypeError(
      `response_type ${response_type} can't use response_mode query: tokens would be in a URL`,
    )
  if (brings(response_type, 'id_token') && !isOpenId(scope))
    throw new TypeError(`response_type ${response_type} needs the scope openid`)
}

/** Returns an error if the metadata excludes the request. */
function unsupportedBy(
  metadata: ServerMetadata,
  { response_type, response_mode, code_verifier }: PendingAuthorization,
  { sign }: AuthorizationOptions,
): ClientError | undefined {
  const { response_types_supported: types, response_modes_supported: modes, issuer } = metadata
  if (types && !types.some(type => isSameType(type, response_type)))
    return unsupported(
      'response_type_unsupported',
      `${issuer} does not support response_type ${response_type}`,
    )
  if (modes && !modes.includes(response_mode))
    return unsupported(
      'response_mode_unsupported',
      `${issuer} does not support response_mode ${response_mode}`,
    )
  // RFC 7636 §4.2. OpenID Connect servers that list no methods may support it.
  if (code_verifier && metadata.code_challenge_methods_supported?.includes('S256') === false)
    return unsupported('pkce_unsupported', `${issuer} does not support PKCE with S256`)
  if (metadata.require_signed_request_object && !sign)
    return unsupported(
      'request_object_required',
      `${issuer} requires signed requests: pass signedRequests(key) as sign`,
    )
  return metadata.request_parameter_supported === false && sign
    ? unsupported('request_object_unsupported', `${issuer} does not support signed requests`)
    : undefined
}

const unsupported = (code: string, message: string): ClientError =>
  new ClientError('unsupported', code, message)

/** The order of the words has no meaning (RFC 6749 §3.1.1). */
const isSameType = (one: string, other: string): boolean =>
  one.split(' ').toSorted().join(' ') === other.split(' ').toSorted().join(' ')

async function parametersOf(
  pending: PendingAuthorization,
  options: AuthorizationOptions,
): Promise<FormParameters> {
  const { client_id, redirect_uri, response_type, scope, state, nonce, code_verifier } = pending
  return {
    ...Object.fromEntries(optional.map(name => [name, options[name]])),
    claims: options.claims && JSON.stringify(options.claims),
    client_id,
    redirect_uri,
    response_type,
    response_mode: options.response_mode,
    scope: scope || undefined,
    state,
    nonce,
    code_challenge: code_verifier && (await codeChallenge(code_verifier)),
    code_challenge_method: code_verifier && 'S256',
  }
}

/** Adds parameters to the query that an endpoint may have (RFC 6749 §3.1). */
function withQuery(endpoint: string, parameters: FormParameters): string {
  const url = new URL(endpoint)
  for (const [name, value] of encodeForm(parameters)) url.searchParams.append(name, value)
  return url.href
}
