/** The consent page (OpenID Connect Core 1.0 §3.1.2.4): the user agrees to what a client asks for, or does not. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import { hasPrivateUseScheme, schemeOf } from '@tessera/protocol/uri-scheme'
import type { ValidatedAuthorizationRequest } from '../../authorization-request/authorization-request.ts'
import { parseRequest } from '../../authorization-request/parameter-limits.ts'
import type { ValidateAuthorizationRequest } from '../../authorization-request/validation.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Session } from '../../model/authorization.ts'
import type { Clients } from '../../model/client.ts'
import { afterAnswer } from '../../model/consent.ts'
import type { Stores } from '../../model/ports/stores.ts'
import { mayRememberConsent } from '../../model/redirect.ts'
import type { Resources } from '../../model/resource.ts'
import type { Users } from '../../model/user.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import { openAskingPage } from '../flow/asking-page.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { Continuation, Continuations } from '../flow/continuation.ts'
import type { Csrf } from '../flow/csrf.ts'
import { createContinuationOpener } from '../flow/open-continuation.ts'
import type { Paths } from '../flow/page-paths.ts'
import { refusedBy } from '../flow/refused-by-user.ts'
import { createPageRefuser } from '../flow/refused-page.ts'
import { formContextOf } from '../flow/requester.ts'
import { agreedOf, agreesToNothing, scopeLines, userName } from '../flow/view-model.ts'
import type { Pages } from '../ui/pages.ts'

export type ConsentPorts = {
  readonly validate: ValidateAuthorizationRequest
  readonly continuations: Continuations
  readonly clients: Pick<Clients, 'find'>
  readonly sessions: BrowserSessions
  readonly csrf: Csrf
  readonly stores: Pick<Stores, 'consents'>
  readonly resources: Resources
  readonly users: Pick<Users, 'find'>
  readonly pages: Pages
  readonly paths: Paths
  readonly clock: Clock
  readonly log: Log
}

/** `GET` and `POST /consent`. */
export function createConsentEndpoint(ports: ConsentPorts): Endpoint {
  const { continuations, paths } = ports
  const refusePage = createPageRefuser('consent', ports)
  const openContinuation = createContinuationOpener('consent', 'elsewhere', ports)

  return async request => {
    const opened = await openAskingPage(request, { ...ports, openContinuation })
    if (!opened.ok) return opened.respond ? opened.respond() : refusePage(request, opened)
    const { form, continuation, asking_sid, before } = opened.value
    const parameters = parseRequest(continuation.parameters)
    const validated = parameters.ok ? await ports.validate(parameters.value, continuation.hint) : parameters
    const session = await ports.sessions.read(request)
    // The page asks one session's user; for any other it is decided anew what comes next.
    if (!validated.ok || session?.sid !== asking_sid) return resume(request, before)
    const version = validated.value.client.registered?.version
    const ask = () => show(request, { ...continuation, asking_version: version }, validated.value, session)
    if (request.method !== 'POST') return ask()

    const button = form.get('button')
    if (button === 'no') return resume(request, refusedBy(request, before, 'consent', ports.csrf))
    if (button !== 'yes') return refusePage(request, refuse('invalid_request', 'button_unknown'))
    // The client was updated while the user read the page: they agree only to what they see.
    if (before.asking_version !== version) return ask()
    const { consent_scope } = validated.value
    const agreed = agreedOf(consent_scope, form.all('scope'), ports.resources)
    if (agreesToNothing(agreed)) return resume(request, refusedBy(request, before, 'consent', ports.csrf))
    await keep(session, validated.value, agreed, form.get('remember') === 'yes')
    return resume(request, { ...before, consented_sid: session.sid, consented_scope: agreed })
  }

  function resume(request: HttpRequest, continuation: Continuation): HttpResponse {
    return redirectResponse(request, paths('/connect/authorize/callback', continuations.seal(continuation)))
  }

  async function keep(
    { sub }: Session,
    validated: ValidatedAuthorizationRequest,
    agreed: readonly string[],
    remember: boolean,
  ): Promise<void> {
    const { client, consent_scope } = validated
    const now = ports.clock.now()
    const earlier = await ports.stores.consents.find(sub, client.client_id)
    const lifetime = remember && mayRemember(validated) ? client.consent_lifetime : 0
    await ports.stores.consents.save({
      sub,
      client_id: client.client_id,
      created_at: now,
      ...afterAnswer(earlier, { asked: consent_scope, agreed, lifetime }, client, now),
    })
  }

  async function show(
    request: HttpRequest,
    continuation: Continuation,
    validated: ValidatedAuthorizationRequest,
    session: Session,
  ): Promise<HttpResponse> {
    const { consent_scope, target } = validated
    const { token, cookie } = ports.csrf.token(request)
    return ports.pages.consent(
      request,
      {
        form: { action: paths('/consent'), continue: continuations.seal(continuation), csrf: token },
        user: await userName(session, ports.users),
        scopes: scopeLines(consent_scope, ports.resources),
        canRemember: mayRemember(validated),
        ...destinationOf(target.redirect_uri),
      },
      formContextOf(validated, continuation, cookie),
    )
  }
}

const mayRemember = ({ client, target }: ValidatedAuthorizationRequest): boolean =>
  client.allow_remember_consent &&
  client.consent_lifetime !== 0 &&
  mayRememberConsent(client, target.redirect_uri)

/** Returns where the response goes: to a host on the web, or to whatever application opens the scheme. */
const destinationOf = (redirectUri: string): { readonly host: string } | { readonly scheme: string } =>
  hasPrivateUseScheme(redirectUri) ? { scheme: schemeOf(redirectUri) } : { host: new URL(redirectUri).host }
