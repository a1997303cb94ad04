/** Determines the effective parameters of a request: pushed, from a request object, or as sent (RFC 9101, RFC 9126). */

import { type Parameters, withParameters } from '@tessera/protocol/parameters'
import { type Ok, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Client, Clients } from '../model/client.ts'
import type { AuthorizationRequestRefusal } from './authorization-request.ts'
import { parseRequest } from './parameter-limits.ts'
import { isPushed, type Pushed, type PushedRequests } from './pushed-request.ts'
import { type RequestObject, type RequestObjectPorts, readRequestObject } from './request-object.ts'
import { createRequestObjectFetcher, type RequestUriPorts } from './request-uri.ts'
import { proveResponseTarget, type ResponseTargetPorts, refuseUnusable } from './response-target.ts'
import { formatParameters } from './serialized-request.ts'

type ResolutionPorts = RequestObjectPorts &
  RequestUriPorts &
  ResponseTargetPorts & {
    readonly clients: Clients
    readonly pushedRequests: PushedRequests
    readonly requirePushed: boolean
    readonly requireSigned: boolean
  }

type ResolvedRequest = {
  readonly parameters: Parameters
  /** Set for a pushed request, which can be used once. */
  readonly pushed?: Pushed
  /** Set for a request object that the client signed. */
  readonly signed?: true
  /**
   * Set if the browser can't read the request object but plain parameters were added to it, by the client or by anyone
   * else.
   */
  readonly mixed?: true
}

/** How a pending request arrived. */
type RequestOrigin = { readonly pushed?: unknown; readonly signed_since?: unknown }

type ResolveAuthorizationRequest = (
  parameters: Parameters,
  /** The network of the request. */
  from: string,
) => Promise<Ok<ResolvedRequest> | AuthorizationRequestRefusal>

export type AuthorizationRequestResolution = {
  /** Resolves a request at the authorization endpoint. A refusal has a target only if the plain parameters prove one. */
  readonly resolve: ResolveAuthorizationRequest
  /** Resolves a request at the PAR endpoint, which accepts request objects by value only (RFC 9126 §2.1). */
  readonly resolvePushed: (client: Client, parameters: Parameters) => Promise<Result<Parameters>>
  /** Returns a refusal if a restarted request arrived in a way that is no longer allowed. */
  readonly originProblem: (client: Client, origin: RequestOrigin) => Refusal | undefined
}

export function createAuthorizationRequestResolution(ports: ResolutionPorts): AuthorizationRequestResolution {
  const fetchObject = createRequestObjectFetcher(ports)
  return {
    async resolve(parameters, from) {
      const id = parameters.get('client_id')
      // Validation refuses a missing one.
      if (id === undefined) return ok({ parameters })
      const client = await ports.clients.find(id)
      // Not looked up again, because a document that can't be fetched is not remembered.
      if (!client?.enabled) return refuseUnusable(id, client)
      const fetch: FetchObject = uri => fetchObject(uri, client, from)
      const resolved = await resolveFor(client, parameters, fetch, ports)
      if (resolved.ok) return ok(withDefaults(resolved.value, client))
      const target = await proveResponseTarget(parameters, ports)
      return target.ok ? { ...resolved, target: target.value } : resolved
    },
    async resolvePushed(client, parameters) {
      if (parameters.get('request_uri') !== undefined) {
        return refuse('invalid_request', 'pushed_request_by_reference', {
          description: 'request_uri can not be pushed',
        })
      }
      const resolved = await resolveObject(client, parameters, parameters.get('request'), ports)
      return resolved.ok ? ok(withDefaults(resolved.value, client).parameters) : resolved
    },
    originProblem(client, { pushed, signed_since }) {
      // Pushed requests were resolved when they were pushed.
      if (pushed !== undefined) return undefined
      if (mustBePushed(client, ports)) return pushedRequired
      return mustBeSigned(client, ports) && signed_since === undefined ? missing : undefined
    },
  }
}

type FetchObject = (uri: string) => Promise<Result<string>>

async function resolveFor(
  client: Client,
  parameters: Parameters,
  fetchObject: FetchObject,
  ports: ResolutionPorts,
): Promise<Result<ResolvedRequest>> {
  const [request, uri] = [parameters.get('request'), parameters.get('request_uri')]
  if (request !== undefined && uri !== undefined) {
    return refuse('invalid_request', 'request_and_request_uri', {
      description: 'Only one of request and request_uri is allowed',
    })
  }
  // Pushed requests were resolved when they were pushed.
  if (uri !== undefined && isPushed(uri)) return ports.pushedRequests.find(uri, client.client_id)
  if (mustBePushed(client, ports)) return pushedRequired
  const fetched = uri === undefined ? ok(request) : await fetchObject(uri)
  return fetched.ok ? resolveObject(client, parameters, fetched.value, ports) : fetched
}

async function resolveObject(
  client: Client,
  parameters: Parameters,
  jwt: string | undefined,
  ports: ResolutionPorts,
): Promise<Result<ResolvedRequest>> {
  const needsSignature = mustBeSigned(client, ports)
  if (jwt === undefined) return needsSignature ? missing : ok({ parameters })
  const object = await readRequestObject(jwt, client, ports)
  if (!object.ok) return object
  const { isSigned } = object.value
  if (needsSignature && !isSigned) return unsigned
  const isStrict = object.value.isStrict || needsSignature
  const wrong = mismatch(parameters, object.value)
  const merged = wrong ?? merge(isStrict ? undefined : parameters, object.value)
  if (!merged.ok) return merged
  // A fetched object may also be readable by this server only.
  const isHidden = object.value.isEncrypted || parameters.get('request_uri') !== undefined
  const mixed = isHidden && !isStrict
  return ok({ parameters: merged.value, signed: isSigned || undefined, mixed: mixed || undefined })
}

type Requirements = Pick<ResolutionPorts, 'requirePushed' | 'requireSigned'>

const mustBePushed = (client: Client, { requirePushed }: Requirements): boolean =>
  client.require_pushed_authorization_requests || requirePushed

const mustBeSigned = (client: Client, { requireSigned }: Requirements): boolean =>
  client.require_signed_request_object || requireSigned

const pushedRequired = refuse('invalid_request', 'pushed_request_required', {
  description: 'A pushed authorization request is required',
})

/** RFC 9101 §7 defines errors for request objects that are present. A missing one is an invalid request. */
const missing = refuse('invalid_request', 'request_object_missing', {
  description: 'A signed request object is required',
})

const unsigned = refuse('invalid_request_object', 'request_object_unsigned', {
  description: 'A signed request object is required',
})

/** Refuses parameters that differ from the request object's (OpenID Connect Core 1.0 §6.1). */
function mismatch(outside: Parameters, { parameters }: RequestObject): Refusal | undefined {
  const differs = (['client_id', 'response_type'] as const).find(name => {
    const [out, within] = [outside.get(name), parameters.get(name)]
    return out !== undefined && within !== undefined && out !== within
  })
  return (
    differs &&
    refuse('invalid_request', 'request_object_mismatch', { description: `Invalid JWT request: ${differs}` })
  )
}

/**
 * Returns the effective parameters. Only those in the object are used (RFC 9101 §5), except if the object has no type
 * and signatures are optional. Then the others are added, and the object's take precedence (OpenID Connect Core 1.0
 * §6.1).
 */
function merge(outside: Parameters | undefined, { parameters }: RequestObject): Result<Parameters> {
  const names = new Set(parameters.names())
  const more = [...(outside?.names() ?? [])].filter(
    name => !names.has(name) && name !== 'request' && name !== 'request_uri',
  )
  const form = new URLSearchParams(formatParameters(parameters))
  for (const name of more) for (const value of outside?.all(name) ?? []) form.append(name, value)
  const merged = parseRequest(form.toString())
  const ignored = [...parameters.ignored, ...(outside?.ignored ?? [])]
  return merged.ok ? ok({ ...merged.value, ignored }) : merged
}

/** Adds `default_max_age` and `default_acr_values` (OpenID Connect Dynamic Client Registration 1.0 §2). */
function withDefaults(
  resolved: ResolvedRequest,
  { default_max_age, default_acr_values }: Client,
): ResolvedRequest {
  const { parameters } = resolved
  const addsMaxAge = default_max_age !== undefined && parameters.get('max_age') === undefined
  const addsAcrValues = default_acr_values.length > 0 && parameters.get('acr_values') === undefined
  if (!addsMaxAge && !addsAcrValues) return resolved
  return {
    ...resolved,
    parameters: withParameters(parameters, {
      ...(addsMaxAge && { max_age: String(default_max_age) }),
      ...(addsAcrValues && { acr_values: default_acr_values.join(' ') }),
    }),
  }
}
