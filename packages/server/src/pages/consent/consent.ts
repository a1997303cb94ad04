/** The consent page (OpenID Connect Core 1.0 §3.1.2.4): the user allows or denies what a client requests. */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { loopbackHosts } from '@tessera/protocol/redirect-uri'
import { refuse } from '@tessera/protocol/result'
import { hasPrivateUseScheme, schemeOf } from '@tessera/protocol/uri-scheme'
import type { ValidatedAuthorizationRequest } from '../../authorization-request/authorization-request.ts'
import { afterAnswer } from '../../model/consent.ts'
import type { Events } from '../../model/events.ts'
import type { Stores } from '../../model/ports/stores.ts'
import { mayRememberConsent } from '../../model/redirect.ts'
import type { Resources } from '../../model/resource.ts'
import type { Users } from '../../model/user.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { AskingPage, BrowserRequests } from '../flow/browser-request.ts'
import { agreedOf, agreesToNothing, scopeLines, userName } from '../flow/view-model.ts'
import type { Destination, Pages } from '../ui/pages.ts'

type ConsentPorts = {
  readonly browserRequests: BrowserRequests
  readonly stores: Pick<Stores, 'consents'>
  readonly resources: Resources
  readonly users: Pick<Users, 'find'>
  readonly pages: Pages
  readonly clock: Clock
  readonly events: Pick<Events, 'prepare'>
}

/** `GET` and `POST /consent`. */
export function createConsentEndpoint(ports: ConsentPorts): Endpoint {
  return ports.browserRequests.askingPage('consent', async page => {
    const { form, before, validated, session } = page
    if (!page.posted) return show(page)
    const button = form.get('button')
    if (button === 'no') return page.resume(page.refusedByUser(before, 'consent'))
    if (button !== 'yes') return page.refuse(refuse('invalid_request', 'button_unknown'))
    // The client was updated while the user was reading the page. Show it again, because they can only agree to what
    // they see.
    if (before.asking_version !== validated.client.registered?.version) return show(page)
    const agreed = agreedOf(validated.consent_scope, form.all('scope'), ports.resources)
    if (agreesToNothing(agreed)) return page.resume(page.refusedByUser(before, 'consent'))
    await keep(page, agreed, form.get('remember') === 'yes')
    return page.resume({ ...before, consented_sid: session.sid, consented_scope: agreed })
  })

  async function keep(
    { request, session: { sub }, validated }: AskingPage,
    agreed: readonly string[],
    remember: boolean,
  ): Promise<void> {
    const { client, consent_scope } = validated
    const now = ports.clock.now()
    const earlier = await ports.stores.consents.find(sub, client.client_id)
    const lifetime = remember && mayRemember(validated) ? client.consent_lifetime : 0
    const { client_id } = client
    const event = ports.events.prepare('consent.given', {
      sub,
      client_id,
      scope: agreed,
      request_id: request.id,
    })
    const terms = afterAnswer(earlier, { asked: consent_scope, agreed, lifetime }, client, now)
    await ports.stores.consents.save({ sub, client_id, created_at: now, ...terms }, event.messages)
    event.happened()
  }

  async function show(page: AskingPage): Promise<HttpResponse> {
    const { validated, session } = page
    const { consent_scope, target } = validated
    const continuation = { ...page.continuation, asking_version: validated.client.registered?.version }
    return ports.pages.consent(
      page.request,
      {
        form: page.pageForm('/consent', continuation),
        user: await userName(session, ports.users),
        scopes: scopeLines(consent_scope, ports.resources),
        canRemember: mayRemember(validated),
        ...destinationOf(target.redirect_uri),
      },
      page.formContext(validated, continuation),
    )
  }
}

const mayRemember = ({ client, target }: ValidatedAuthorizationRequest): boolean =>
  client.allow_remember_consent &&
  client.consent_lifetime !== 0 &&
  mayRememberConsent(client, target.redirect_uri)

/** Returns where the response goes: to a host, or to the application that opens the scheme. */
function destinationOf(redirectUri: string): Destination {
  if (hasPrivateUseScheme(redirectUri)) return { scheme: schemeOf(redirectUri) }
  const { host, hostname } = new URL(redirectUri)
  return { host, isLoopback: loopbackHosts.has(hostname) }
}
