/** The page of a user's connections: which users of other providers they are, how to add one and how to end it. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import type { OpenIdProvider } from '../../identity/federation/provider-discovery.ts'
import type { UpstreamAuthorization } from '../../identity/federation/upstream-authorization-request.ts'
import { servesTenant } from '../../identity/provider-access.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Stores } from '../../model/ports/stores.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { AccountVisit, EnterAccount } from '../flow/account-session.ts'
import type { BrowserMark } from '../flow/browser-mark.ts'
import type { Continuations } from '../flow/continuation.ts'
import type { Csrf } from '../flow/csrf.ts'
import { tooMany } from '../flow/form-problem.ts'
import { readPageForm } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import type { TellOwner } from '../flow/security-notification.ts'
import type { Pages } from '../ui/pages.ts'

export type ConnectionsPorts = {
  readonly enterAccount: EnterAccount
  readonly openIdProviders: readonly OpenIdProvider[]
  readonly startUpstreamRequest: UpstreamAuthorization['startUpstreamRequest']
  readonly browserMark: BrowserMark
  readonly stores: Pick<Stores, 'identityLinks'>
  readonly continuations: Continuations
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly tellOwner: TellOwner
  readonly clock: Clock
  readonly log: Log
}

/** `GET` and `POST /account/connections`: `button` is `connect` or `disconnect`, with a `provider` and an `identity`. */
export function createConnectionsEndpoint(ports: ConnectionsPorts): Endpoint {
  const { paths, stores } = ports
  const refusePage = createPageRefuser('account', ports)

  return async request => {
    const posted = request.method === 'POST'
    // A connection is a permanent way in: not for whoever finds a browser signed in, or remembered.
    const visit = await ports.enterAccount(request, 'connections', { strict: posted })
    if (!visit.ok) return visit.response
    if (!posted) return show(request, visit)
    const form = readPageForm(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const [button, name] = [form.value.get('button'), form.value.get('provider') ?? '']
    if (button === 'connect') return connect(request, visit, name)
    if (button !== 'disconnect') return refusePage(request, refuse('invalid_request', 'button_unknown'))
    const { sub } = visit.session
    if (await stores.identityLinks.remove(name, form.value.get('identity') ?? '', sub)) {
      ports.log.info('identity_unlinked', { provider: name, sub })
      ports.tellOwner(request, sub, 'identity_unlinked')
    }
    return redirectResponse(request, paths('/account/connections'))
  }

  async function connect(request: HttpRequest, visit: AccountVisit, name: string): Promise<HttpResponse> {
    const provider = connectable(visit).find(one => one.name === name)
    if (!provider) return refusePage(request, refuse('invalid_request', 'provider_not_allowed'))
    const { sid, hash, tenant } = visit.session
    const { mark, cookie } = ports.browserMark.ensure(request)
    const continuation = ports.continuations.seal({
      kind: 'account',
      to: '/account/connections',
      asked_at: ports.clock.now(),
      prior_handle: hash,
      ...(tenant !== undefined && { tenant }),
    })
    const there = await ports.startUpstreamRequest(
      provider,
      {},
      { browser: mark, continuation, linking_sid: sid, from: networkOf(request) },
    )
    const to = provider.display_name ?? provider.name
    if (there.ok) return ports.pages.leaving(request, { to, href: there.value }, { cookies: [cookie] })
    logRefusal(ports.log, 'account', request, there)
    const back = paths('/account/connections')
    return ports.pages.federationProblem(
      request,
      { provider: to, kind: 'failed', back },
      there.retry_after === undefined ? { status: 503 } : tooMany(there.retry_after).context,
    )
  }

  /** A user without a record here is the user of a provider already, and of one only. */
  function connectable({ session, user }: AccountVisit): readonly OpenIdProvider[] {
    return user ? ports.openIdProviders.filter(provider => servesTenant(provider, session.tenant)) : []
  }

  async function show(request: HttpRequest, visit: AccountVisit): Promise<HttpResponse> {
    const links = await stores.identityLinks.ofUser(visit.session.sub)
    return ports.pages.account.connections(
      request,
      {
        form: { action: paths('/account/connections'), csrf: visit.csrf },
        connections: links.map(({ provider, identity, label, created_at }) => ({
          ...{ provider, identity, since: created_at },
          name: displayName(provider),
          ...(label !== undefined && { label }),
        })),
        others: connectable(visit).map(({ name }) => ({ provider: name, name: displayName(name) })),
      },
      visit.frame,
    )
  }

  function displayName(provider: string): string {
    return ports.openIdProviders.find(({ name }) => name === provider)?.display_name ?? provider
  }
}
