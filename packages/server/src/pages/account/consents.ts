/** The page with the applications that act for the user. Users can stop each of them here. */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { refuse } from '@tessera/protocol/result'
import type { Consent, GivenAccess, IsRevoked } from '../../model/authorization.ts'
import type { Client, Clients } from '../../model/client.ts'
import { rememberedScope } from '../../model/consent.ts'
import type { Events } from '../../model/events.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Resources } from '../../model/resource.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Awaitable, Clock, Log } from '../../runtime/ports.ts'
import { scopeLines } from '../flow/view-model.ts'
import type { ConsentsPage } from '../ui/account-pages.ts'
import { shownName } from '../ui/client-view.ts'
import { type AccountPage, type AccountPagePorts, accountPage } from './account-page.ts'

type AccountConsentsPorts = AccountPagePorts & {
  readonly stores: Pick<Stores, 'authorizations' | 'consents'>
  readonly clients: Clients
  readonly resources: Resources
  readonly isRevoked: IsRevoked
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<Events, 'prepare'>
}

/** Applications on one page. */
const pageSize = 50

/**
 * `GET` and `POST /account/consents`: `button` is `revoke` with a `client_id`. `after` is the last client of the page
 * before.
 */
export function createAccountConsentsEndpoint(ports: AccountConsentsPorts): Endpoint {
  const { consents, authorizations } = ports.stores
  const { clients, clock, log, events } = ports
  return accountPage(ports, 'consents', { show: showQueried, act: revoke })

  async function revoke(page: AccountPage, form: Parameters): Promise<HttpResponse> {
    if (form.get('button') !== 'revoke') return page.refuse(refuse('invalid_request', 'button_unknown'))
    const { sub } = page.session
    const client_id = form.get('client_id') ?? ''
    const request_id = page.request.id
    const event = events.prepare('consent.withdrawn', { sub, client_id, request_id })
    const revoked = await consents.revoke(sub, client_id, clock.now(), event.messages)
    const after = form.get('after')
    if (!revoked) return show(page, after)
    event.happened()
    log.info('consent_revoked', { ...requestFields(page.request), client_id, sub })
    return show(page, after, nameOf(await clients.find(client_id, 'at_hand'), client_id))
  }

  function showQueried(page: AccountPage): Awaitable<HttpResponse> {
    const query = page.readPage()
    return query.ok ? show(page, query.value.get('after')) : page.refuse(query)
  }

  async function show(page: AccountPage, after?: string, removed?: string): Promise<HttpResponse> {
    const { sub } = page.session
    // One more than the page has, so that it is known whether others follow.
    const asked = { after, limit: pageSize + 1 }
    const given = await consents.ofUser(sub, asked)
    const access = await authorizations.accessOf(sub, clock.now(), asked)
    const consentOf = new Map(given.map(one => [one.client_id, one]))
    const accessOf = Map.groupBy(access, one => one.client_id)
    const ids = [...new Set([...consentOf.keys(), ...accessOf.keys()])].toSorted()
    const listed = ids.slice(0, pageSize)
    // The last application of the page was removed.
    if (listed.length === 0 && after !== undefined) return show(page, undefined, removed)
    const lines = listed.flatMap(client_id => {
      const consent = consentOf.get(client_id)
      const active = accessOf.get(client_id)?.filter(one => !ports.isRevoked(one)) ?? []
      return consent || active.length > 0 ? [lineOf(client_id, consent, active)] : []
    })
    const link = page.link('/account/consents')
    const data = {
      form: page.pageForm('/account/consents'),
      consents: await Promise.all(lines),
      removed,
      after,
      first: after === undefined ? undefined : link,
      next: ids.length > pageSize ? `${link}?${new URLSearchParams({ after: listed.at(-1)! })}` : undefined,
    }
    return ports.pages.account.consents(page.request, data, page.frame)
  }

  async function lineOf(
    client_id: string,
    consent: Consent | undefined,
    active: readonly GivenAccess[],
  ): Promise<ConsentsPage['consents'][number]> {
    const client = await clients.find(client_id, 'at_hand')
    const now = clock.now()
    const scope = [...(consent?.scope ?? []), ...active.flatMap(one => one.scope)]
    const since = [...active.map(one => one.since), ...(consent ? [consent.created_at] : [])]
    return {
      client_id,
      client: nameOf(client, client_id),
      scopes: scopeLines(scope, ports.resources),
      apis: limitOf(active).map(name => ports.resources.apis.get(name)?.display_name ?? name),
      since: Math.min(...since),
      usedAgo: active.length > 0 ? now - Math.max(...active.map(one => one.used_at)) : undefined,
      consent: consent && {
        remembered: client !== undefined && rememberedScope(consent, client, now).length > 0,
        until: consent.remembered_until,
      },
    }
  }
}

/** Returns the APIs that every authorization is limited to (RFC 8707 §2); none if one of them has no limit. */
const limitOf = (active: readonly GivenAccess[]): readonly string[] =>
  active.some(({ resources }) => resources.length === 0)
    ? []
    : [...new Set(active.flatMap(({ resources }) => resources))]

const nameOf = (client: Client | undefined, id: string): string =>
  shownName(client?.client_name, client ?? { client_id: id })
