/** `fetch` with an access token, for requests to APIs (RFC 6750 §2.1, RFC 9470). */

import type { Seconds } from '@tessera/protocol/brand'
import { createUrlFilter } from '../discovery/url-filter.ts'
import { ClientError } from '../error.ts'
import { unlessAborted } from '../http/unless-aborted.ts'
import { fail, ok, type Result } from '../result.ts'
import { type ApiChallenge, challengeOf } from './challenge.ts'
import { createPause } from './pause.ts'
import { unlessRedirected, withoutQuery } from './redirects.ts'
import { type ApiFetch, type RepeatableRequest, repeatableRequest } from './repeatable.ts'
import { createSingleFlight } from './single-flight.ts'
import type { AccessToken, TokenSource } from './token-source.ts'

export type AuthorizedFetchOptions = {
  /**
   * The origins that tokens may be sent to, such as `https://api.example`; or URLs whose path is a prefix, such as
   * `https://api.example/v1`.
   */
  readonly origins: readonly string[]
  /** Hosts, without a port, that may be contacted over `http`. Loopback hosts always may. */
  readonly httpHosts?: readonly string[] | undefined
  /** The default is the global `fetch`, looked up at each request. */
  readonly fetch?: ApiFetch | undefined
  /**
   * Called if the API requires more than the token has: more scope (`insufficient_scope`, RFC 6750 §3.1), or another or a
   * more recent authentication of the user (`insufficient_user_authentication`, RFC 9470 §3). If it returns a token, the
   * request is repeated with it. Requests at the same time with equal challenges share one call.
   */
  readonly onChallenge?: ((challenge: ApiChallenge) => Promise<AccessToken | undefined>) | undefined
}

/** Seconds without renewal after an API refused a token that had just been issued. */
const renewalPause: Seconds = 30

/**
 * Returns a function with the signature of `fetch` that adds the token of a source to requests. It replaces an
 * `Authorization` header of the caller.
 *
 * - A token is sent to `origins` only, over https or to loopback, and never to a URL with credentials. Redirects are not
 *   followed. For other URLs, and for redirects unless the caller asks for `redirect: 'manual'`, the function rejects.
 * - After a 401 for the token, the token is renewed, and the request is repeated once. Other challenges go to
 *   `onChallenge`. A request whose body is a stream can't be repeated.
 * - Responses that remain refused are returned; `challengeOf(response)` reads their challenge.
 *
 * Like `fetch`, it rejects if there is no response. It also rejects with a {@link ClientError} if there is no token, or
 * if it may not be sent.
 * @throws TypeError if `origins` is missing or has an invalid entry, or if the source is none.
 */
export function createAuthorizedFetch(source: TokenSource, options: AuthorizedFetchOptions): ApiFetch {
  if (!options?.origins) throw new TypeError('origins is missing; list where tokens may be sent to')
  const isAllowed = createUrlFilter(options.origins, options.httpHosts)
  if (!source?.client)
    throw new TypeError('the source has no client; pass a session, or source(request) of a token cache')
  const { proof, issuer } = source.client
  const challenges = createSingleFlight<AccessToken | undefined>()
  const pause = createPause(renewalPause, issuer.now)

  async function send(request: RepeatableRequest, token: AccessToken): Promise<Response> {
    const scheme = schemeOf(token, proof?.tokenType)
    if (!scheme.ok) throw scheme.error
    const { method, url } = request
    const proven = { method, url, accessToken: token.access_token }
    for (let attempt = 1; ; attempt++) {
      const headers = scheme.value === proof?.tokenType ? await proof.headers(proven) : {}
      const authorization = `${scheme.value} ${token.access_token}`
      const response = await request.send(options.fetch ?? fetch, { ...headers, authorization })
      const { status } = response
      const wantsProof = attempt === 1 && request.isRepeatable && scheme.value === proof?.tokenType
      if (wantsProof && (await proof.received?.(proven, { status, headers: response.headers }))) {
        await response.body?.cancel()
        continue
      }
      return unlessRedirected(request, response)
    }
  }

  return async function authorizedFetch(input, init = {}) {
    const request = repeatableRequest(input, init)
    if (!isAllowed(request.url))
      throw new ClientError(
        'policy',
        'url_not_allowed',
        `no token may be sent to ${withoutQuery(request.url)}; list its origin in origins, and use https`,
      )
    const found = await source.accessToken({ signal: request.signal })
    if (!found.ok) throw found.error
    let token = found.value
    const done = { renewed: false, asked: false }
    for (;;) {
      const response = await send(request, token)
      const better = await betterToken(request, response, token, done)
      if (!better || better.access_token === token.access_token || !request.isRepeatable) return response
      await response.body?.cancel()
      token = better
    }
  }

  /** Returns another token after a response that requires it, once for each reason. */
  async function betterToken(
    request: RepeatableRequest,
    response: Response,
    token: AccessToken,
    done: { renewed: boolean; asked: boolean },
  ): Promise<AccessToken | undefined> {
    if (response.status !== 401 && response.status !== 403) return undefined
    const challenge = challengeOf(response, token.token_type)
    if (isRefusal(response, challenge)) {
      if (done.renewed) pause.start()
      if (done.renewed || pause.isOn()) return undefined
      done.renewed = true
      const renewed = await source.renew(token.access_token, { signal: request.signal })
      return renewed.ok ? renewed.value : undefined
    }
    if (!challenge || !isRequirement(challenge) || done.asked || !request.isRepeatable) return undefined
    const { onChallenge } = options
    if (!onChallenge) return undefined
    done.asked = true
    const asking = challenges(JSON.stringify(challenge), () => onChallenge(challenge))
    const asked = await unlessAborted(asking.then(ok), request.signal)
    return asked.ok ? asked.value : undefined
  }
}

/** The scheme of the `Authorization` header is the type of the token (RFC 6749 §7.1). */
function schemeOf({ access_token, token_type }: AccessToken, proofType: string | undefined): Result<string> {
  const type = token_type.toLowerCase()
  const scheme = [proofType, 'Bearer'].find(name => name?.toLowerCase() === type)
  // An invalid header would be an exception whose message contains the token.
  if (!/^[\x21-\x7E]+$/.test(access_token))
    return fail(
      new ClientError('invalid', 'access_token_invalid', 'the access token is not valid in a header'),
    )
  if (scheme === undefined)
    return fail(
      new ClientError(
        'policy',
        'token_type_unsupported',
        `the token is of type ${JSON.stringify(token_type)}, which this client has no proof for`,
      ),
    )
  return ok(scheme)
}

/** Without a challenge, or with one that has no error, nothing is known except that the token was not accepted. */
const isRefusal = (response: Response, challenge: ApiChallenge | undefined): boolean =>
  response.status === 401 &&
  (challenge
    ? [undefined, 'invalid_token'].includes(challenge.error)
    : !response.headers.has('www-authenticate'))

const isRequirement = ({ error }: ApiChallenge): boolean =>
  error === 'insufficient_scope' || error === 'insufficient_user_authentication'
