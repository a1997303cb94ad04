/** `fetch` for an API that names its server itself (RFC 9728), with step-up of scope (RFC 6750 §3.1), as MCP servers require. */

import { createUrlFilter } from '../discovery/url-filter.ts'
import { ClientError } from '../error.ts'
import { unlessAborted } from '../http/unless-aborted.ts'
import { ok } from '../result.ts'
import { unlessRedirected, withoutQuery } from './redirects.ts'
import { type ApiFetch, type RepeatableRequest, repeatableRequest } from './repeatable.ts'
import { type RequiredAccess, requiredBy } from './required-access.ts'
import {
  type Authorized,
  createResourceAuthorizer,
  isUnknownClient,
  type ResourceAuthorizerOptions,
} from './resource-authorizer.ts'

/** How a client gets tokens for an API that names its server itself. */
export type ResourceFetchOptions = ResourceAuthorizerOptions

/** Authorizations that one request can lead to: a sign-in, then more scope, then another authentication. */
const mostAuthorizations = 3

/**
 * Returns a function with the signature of `fetch` for one API, such as an MCP server. It finds the server by the challenge
 * of the API, asks the application to authorize, and repeats the request with the token.
 *
 * - A 401 leads to an authorization with the scope that the challenge names, or else with `scopes_supported` of the metadata.
 * - A 403 `insufficient_scope` leads to one with the scopes that were requested before and those that the challenge names; a
 *   401 `insufficient_user_authentication` (RFC 9470) to one with its `acr_values` and `max_age`. `maxAttempts` limits both.
 * - Tokens are renewed, and sent, as by `createAuthorizedFetch`: only to URLs at or below `resource`, and never after a
 *   redirect.
 * - Refusals that remain are returned. A request whose body is a stream can't be repeated.
 *
 * Like `fetch`, it rejects if there is no response. It also rejects with a {@link ClientError} if the API's metadata or
 * server can't be used, and with the errors of `client` and `authorize`.
 * @param resource the URL of the API.
 * @throws TypeError if `resource` is not an https URL.
 */
export function createResourceFetch(resource: string, options: ResourceFetchOptions): ApiFetch {
  const origin = resource.replace(/\?[^#]*$/, '')
  const isAllowed = createUrlFilter([origin], options.policy?.httpHosts)
  const authorizer = createResourceAuthorizer(resource, origin, options)

  /** Sends a request with the tokens, or without. Tokens that can't be renewed are given up. */
  async function send(
    request: RepeatableRequest,
    parameters: Parameters<ApiFetch>,
    used: Authorized | undefined,
  ): Promise<Response> {
    if (used)
      try {
        return await used.call(...parameters)
      } catch (error) {
        const isEnd = error instanceof ClientError && (error.kind === 'session' || isUnknownClient(error))
        if (!isEnd) throw error
        authorizer.forget(used)
      }
    return unlessRedirected(request, await request.send(options.fetch ?? fetch, {}))
  }

  return async function resourceFetch(input, init = {}) {
    const request = repeatableRequest(input, init)
    if (!isAllowed(request.url))
      throw new ClientError(
        'policy',
        'url_not_allowed',
        `${withoutQuery(request.url)} is not at or below ${origin}, so no token may be sent to it`,
      )
    let before: RequiredAccess | undefined
    for (let count = 0; ; count++) {
      const used = authorizer.current()
      const response = await send(request, [input, init], used)
      const required = requiredBy(response)
      if (before && before.kind !== required?.kind) authorizer.met(before)
      if (!required || !request.isRepeatable || count === mostAuthorizations) return response
      // The token was new: another one would be refused as well.
      if (required.kind === 'token' && before) return response
      before = required
      const authorizing = authorizer.authorize(required, used).then(ok)
      const authorized = await unlessAborted(authorizing, request.signal)
      if (!authorized.ok) throw authorized.error
      if (!authorized.value) return response
      await response.body?.cancel()
    }
  }
}
