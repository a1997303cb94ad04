/** The page of what the user allowed applications to do, and how to take it back. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import type { Consent } from '../../model/authorization.ts'
import type { Clients } from '../../model/client.ts'
import { rememberedScope } from '../../model/consent.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Resources } from '../../model/resource.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { AccountVisit, EnterAccount } from '../flow/account-session.ts'
import type { Csrf } from '../flow/csrf.ts'
import { readPageForm } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import { createPageRefuser } from '../flow/refused-page.ts'
import { scopeLines } from '../flow/view-model.ts'
import type { ConsentsPage } from '../ui/account-pages.ts'
import type { Pages } from '../ui/pages.ts'

export type AccountConsentsPorts = {
  readonly enterAccount: EnterAccount
  readonly stores: Pick<Stores, 'consents'>
  readonly clients: Clients
  readonly resources: Resources
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly clock: Clock
  readonly log: Log
}

/** `GET` and `POST /account/consents`: `button` is `revoke` with a `client_id`. */
export function createAccountConsentsEndpoint(ports: AccountConsentsPorts): Endpoint {
  const { stores, clock } = ports
  const refusePage = createPageRefuser('account', ports)

  return async request => {
    const visit = await ports.enterAccount(request, 'consents')
    if (!visit.ok) return visit.response
    if (request.method !== 'POST') return show(request, visit)
    const form = readPageForm(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    if (form.value.get('button') !== 'revoke') {
      return refusePage(request, refuse('invalid_request', 'button_unknown'))
    }
    const { sub } = visit.session
    const client_id = form.value.get('client_id') ?? ''
    const revoked = await stores.consents.revoke(sub, client_id, clock.now())
    if (!revoked) return show(request, visit)
    ports.log.info('consent_revoked', { request_id: request.id, client_id, sub })
    return show(request, visit, await nameOf(client_id))
  }

  async function show(
    request: HttpRequest,
    { session, csrf, frame }: AccountVisit,
    removed?: string,
  ): Promise<HttpResponse> {
    const consents = await stores.consents.ofUser(session.sub)
    return ports.pages.account.consents(
      request,
      {
        form: { action: ports.paths('/account/consents'), csrf },
        consents: await Promise.all(consents.map(lineOf)),
        ...(removed !== undefined && { removed }),
      },
      frame,
    )
  }

  async function lineOf(consent: Consent): Promise<ConsentsPage['consents'][number]> {
    const client = await ports.clients.find(consent.client_id)
    const { client_id, scope, created_at, remembered_until } = consent
    return {
      client_id,
      client: client?.client_name ?? client_id,
      scopes: scopeLines(scope, ports.resources),
      since: created_at,
      remembered: client !== undefined && rememberedScope(consent, client, clock.now()).length > 0,
      ...(remembered_until !== undefined && { until: remembered_until }),
    }
  }

  async function nameOf(clientId: string): Promise<string> {
    return (await ports.clients.find(clientId))?.client_name ?? clientId
  }
}
