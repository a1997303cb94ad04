/** Sends the browser to an OpenID Connect provider (OpenID Connect Core 1.0 §3.1.2.1). */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import type { OpenIdProvider } from '../../identity/federation/provider-discovery.ts'
import type { UpstreamAuthorization } from '../../identity/federation/upstream-authorization-request.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Clients } from '../../model/client.ts'
import { networkOf } from '../../runtime/network.ts'
import type { BrowserMark } from '../flow/browser-mark.ts'
import type { Continuation } from '../flow/continuation.ts'
import { createContinuationOpener } from '../flow/open-continuation.ts'
import { readPageQuery } from '../flow/page-form.ts'
import { createPageRefuser } from '../flow/refused-page.ts'
import type { FindRequester, Requester } from '../flow/requester.ts'
import { createProblemPage, type ProblemPorts } from './problem.ts'
import { requestParametersOf } from './upstream-parameters.ts'

export type FederationLoginPorts = ProblemPorts & {
  readonly clients: Pick<Clients, 'find'>
  readonly findRequester: FindRequester
  readonly startUpstreamRequest: UpstreamAuthorization['startUpstreamRequest']
  readonly browserMark: BrowserMark
}

/** `GET /federation/login?continue=…`. */
export function createFederationLoginEndpoint(ports: FederationLoginPorts): Endpoint {
  const refusePage = createPageRefuser('federation', ports)
  const openContinuation = createContinuationOpener('federation', 'sign_in', ports)
  const problem = createProblemPage(ports)

  return async request => {
    const query = readPageQuery(request)
    if (!query.ok) return refusePage(request, query)
    const opened = await openContinuation(request, query.value.get('continue'))
    if (!opened.ok) return opened.respond()
    const continuation = opened.value
    const requester = await ports.findRequester(continuation)
    if (!requester.ok) return redirectResponse(request, ports.resume(continuation))
    const provider = providerOf(requester.value, continuation)
    if (!provider) return refusePage(request, refuse('invalid_request', 'provider_not_allowed'))
    return send(request, provider, continuation, requester.value)
  }

  function providerOf(requester: Requester, continuation: Continuation): OpenIdProvider | undefined {
    const way = ports.ways.taken(requester, continuation)
    const provider = way?.kind === 'redirect' ? ports.identityProviders.get(way.idp) : undefined
    return provider?.upstream && { ...provider, upstream: provider.upstream }
  }

  async function send(
    request: HttpRequest,
    provider: OpenIdProvider,
    continuation: Continuation,
    requester: Requester,
  ): Promise<HttpResponse> {
    const { mark, cookie } = ports.browserMark.ensure(request)
    const location = await ports.startUpstreamRequest(
      provider,
      requestParametersOf(requester, continuation),
      {
        browser: mark,
        from: networkOf(request),
        continuation: ports.continuations.seal(continuation),
      },
    )
    if (!location.ok) return problem(request, location, provider, continuation, requester)
    return redirectResponse(request, location.value, [cookie])
  }
}
