/** The page of a user's connected accounts at other providers: lists, adds and removes them. */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { refuse } from '@tessera/protocol/result'
import type { OpenIdProvider } from '../../identity/federation/provider-discovery.ts'
import type { UpstreamAuthorization } from '../../identity/federation/upstream-authorization-request.ts'
import { servesTenant } from '../../identity/provider-access.ts'
import type { Events } from '../../model/events.ts'
import type { Stores } from '../../model/ports/stores.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { BrowserBinding } from '../flow/browser-cookies.ts'
import { tooManyAttempts } from '../flow/form-problem.ts'
import type { NotifyOwner } from '../flow/security-notification.ts'
import { type AccountPage, type AccountPagePorts, accountPage } from './account-page.ts'

type ConnectionsPorts = AccountPagePorts & {
  readonly openIdProviders: readonly OpenIdProvider[]
  readonly startUpstreamRequest: UpstreamAuthorization['startUpstreamRequest']
  readonly browserBinding: BrowserBinding
  readonly stores: Pick<Stores, 'identityLinks'>
  readonly notifyOwner: NotifyOwner
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<Events, 'emit'>
}

/** `GET` and `POST /account/connections`: `button` is `connect` or `disconnect`, with a `provider` and an `identity`. */
export function createConnectionsEndpoint(ports: ConnectionsPorts): Endpoint {
  const { identityLinks } = ports.stores
  // A connection is a permanent way to sign in, so being signed in, or having a remembered browser, is not enough.
  return accountPage(ports, 'connections', { show, act }, posted => ({ strict: posted }))

  async function act(page: AccountPage, form: Parameters): Promise<HttpResponse> {
    const [button, provider] = [form.get('button'), form.get('provider') ?? '']
    if (button === 'connect') return connect(page, provider)
    if (button !== 'disconnect') return page.refuse(refuse('invalid_request', 'button_unknown'))
    const { sub } = page.session
    if (await identityLinks.remove(provider, form.get('identity') ?? '', sub)) {
      ports.log.info('identity_unlinked', { provider, sub })
      ports.events.emit('user.identity_unlinked', { sub, provider })
      ports.notifyOwner(page.request, sub, 'identity_unlinked')
    }
    return page.redirect(page.link('/account/connections'))
  }

  async function connect(page: AccountPage, name: string): Promise<HttpResponse> {
    const { request, session } = page
    const provider = connectable(page).find(one => one.name === name)
    if (!provider) return page.refuse(refuse('invalid_request', 'provider_not_allowed'))
    const { binding, cookie } = ports.browserBinding.ensure(request)
    const continuation = page.seal({
      kind: 'account',
      to: '/account/connections',
      asked_at: ports.clock.now(),
      prior_handle: session.hash,
      tenant: session.tenant,
    })
    const location = await ports.startUpstreamRequest(
      provider,
      {},
      { browser: binding, continuation, linking_sid: session.sid, from: networkOf(request) },
    )
    const to = provider.display_name ?? provider.name
    if (location.ok) {
      return ports.pages.leaving(request, { to, href: location.value }, { cookies: [cookie] })
    }
    page.logRefusal(location)
    return ports.pages.federationProblem(
      request,
      { provider: to, kind: 'failed', back: page.link('/account/connections') },
      location.retry_after === undefined ? { status: 503 } : tooManyAttempts(location.retry_after).context,
    )
  }

  /** Returns the providers that the user can connect. A user without a record here already belongs to one provider. */
  function connectable({ session, user }: AccountPage): readonly OpenIdProvider[] {
    return user ? ports.openIdProviders.filter(provider => servesTenant(provider, session.tenant)) : []
  }

  async function show(page: AccountPage): Promise<HttpResponse> {
    const links = await identityLinks.ofUser(page.session.sub)
    return ports.pages.account.connections(
      page.request,
      {
        form: page.pageForm('/account/connections'),
        connections: links.map(({ provider, identity, label, created_at: since }) => ({
          provider,
          identity,
          since,
          name: displayName(provider),
          label,
        })),
        others: connectable(page).map(({ name }) => ({ provider: name, name: displayName(name) })),
      },
      page.frame,
    )
  }

  function displayName(provider: string): string {
    return ports.openIdProviders.find(({ name }) => name === provider)?.display_name ?? provider
  }
}
