/** The page with the applications that the user gave access to. Users can revoke that access here. */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { refuse } from '@tessera/protocol/result'
import type { Consent } from '../../model/authorization.ts'
import type { Clients } from '../../model/client.ts'
import { rememberedScope } from '../../model/consent.ts'
import type { Events } from '../../model/events.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Resources } from '../../model/resource.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import { scopeLines } from '../flow/view-model.ts'
import type { ConsentsPage } from '../ui/account-pages.ts'
import { type AccountPage, type AccountPagePorts, accountPage } from './account-page.ts'

type AccountConsentsPorts = AccountPagePorts & {
  readonly stores: Pick<Stores, 'consents'>
  readonly clients: Clients
  readonly resources: Resources
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<Events, 'prepare'>
}

/** `GET` and `POST /account/consents`: `button` is `revoke` with a `client_id`. */
export function createAccountConsentsEndpoint(ports: AccountConsentsPorts): Endpoint {
  const { consents } = ports.stores
  const { clients, clock, log, events } = ports
  return accountPage(ports, 'consents', { show, act: revoke })

  async function revoke(page: AccountPage, form: Parameters): Promise<HttpResponse> {
    if (form.get('button') !== 'revoke') return page.refuse(refuse('invalid_request', 'button_unknown'))
    const { sub } = page.session
    const client_id = form.get('client_id') ?? ''
    const request_id = page.request.id
    const event = events.prepare('consent.withdrawn', { sub, client_id, request_id })
    const revoked = await consents.revoke(sub, client_id, clock.now(), event.messages)
    if (!revoked) return show(page)
    event.happened()
    log.info('consent_revoked', { ...requestFields(page.request), client_id, sub })
    return show(page, (await clients.find(client_id))?.client_name ?? client_id)
  }

  async function show(page: AccountPage, removed?: string): Promise<HttpResponse> {
    const lines = (await consents.ofUser(page.session.sub)).map(lineOf)
    const data = { form: page.pageForm('/account/consents'), consents: await Promise.all(lines), removed }
    return ports.pages.account.consents(page.request, data, page.frame)
  }

  async function lineOf(consent: Consent): Promise<ConsentsPage['consents'][number]> {
    const client = await clients.find(consent.client_id)
    const { client_id, scope, created_at, remembered_until } = consent
    return {
      client_id,
      client: client?.client_name ?? client_id,
      scopes: scopeLines(scope, ports.resources),
      since: created_at,
      remembered: client !== undefined && rememberedScope(consent, client, clock.now()).length > 0,
      until: remembered_until,
    }
  }
}
