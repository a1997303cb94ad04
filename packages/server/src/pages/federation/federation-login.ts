/** Sends the browser to an OpenID Connect provider (OpenID Connect Core 1.0 §3.1.2.1). */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import type { OpenIdProvider } from '../../identity/federation/provider-discovery.ts'
import type { UpstreamAuthorization } from '../../identity/federation/upstream-authorization-request.ts'
import { networkOf } from '../../runtime/network.ts'
import type { BrowserBinding } from '../flow/browser-cookies.ts'
import type { BrowserRequests, ContinuedPage } from '../flow/browser-request.ts'
import { createProblemPage, type ProblemPorts } from './problem.ts'
import { requestParametersOf } from './upstream-parameters.ts'

type FederationLoginPorts = ProblemPorts & {
  readonly browserRequests: BrowserRequests
  readonly startUpstreamRequest: UpstreamAuthorization['startUpstreamRequest']
  readonly browserBinding: BrowserBinding
}

/** `GET /federation/login?continue=…`. */
export function createFederationLoginEndpoint(ports: FederationLoginPorts): Endpoint {
  const showProblem = createProblemPage(ports)

  return ports.browserRequests.continuedPage('federation', 'sign_in', page => {
    const provider = providerOf(page)
    return provider ? send(page, provider) : page.refuse(refuse('invalid_request', 'provider_not_allowed'))
  })

  function providerOf({ requester, continuation }: ContinuedPage): OpenIdProvider | undefined {
    const chosen = ports.signInOptions.chosen(requester, continuation)
    const provider = chosen?.kind === 'redirect' ? ports.identityProviders.get(chosen.idp) : undefined
    return provider?.upstream && { ...provider, upstream: provider.upstream }
  }

  async function send(page: ContinuedPage, provider: OpenIdProvider): Promise<HttpResponse> {
    const { request, continuation, requester } = page
    const { binding, cookie } = ports.browserBinding.ensure(request)
    const location = await ports.startUpstreamRequest(
      provider,
      requestParametersOf(requester, continuation),
      {
        browser: binding,
        from: networkOf(request),
        continuation: page.seal(continuation),
      },
    )
    return location.ok ? page.redirect(location.value, [cookie]) : showProblem(page, location, provider)
  }
}
