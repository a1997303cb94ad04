/** The page for a sign-in at a provider that came to nothing: try again, go another way, or go back to the client. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Refusal } from '@tessera/protocol/result'
import { isVouchedFor } from '../../model/client.ts'
import type { IdentityProvider } from '../../model/user.ts'
import type { Log } from '../../runtime/ports.ts'
import type { Continuation, Continuations } from '../flow/continuation.ts'
import type { Csrf } from '../flow/csrf.ts'
import type { Paths } from '../flow/page-paths.ts'
import { refusedBy } from '../flow/refused-by-user.ts'
import { logRefusal } from '../flow/refused-page.ts'
import { pageContextOf, type Requester } from '../flow/requester.ts'
import type { Resume } from '../flow/resume.ts'
import type { Ways } from '../flow/sign-in-options.ts'
import type { Pages } from '../ui/pages.ts'

export type ProblemPorts = {
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  readonly continuations: Continuations
  readonly ways: Ways
  readonly resume: Resume
  readonly csrf: Pick<Csrf, 'token'>
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

export type ShowProblem = (
  request: HttpRequest,
  refusal: Refusal,
  provider: IdentityProvider,
  continuation: Continuation,
  requester: Requester,
) => Promise<HttpResponse>

/** RFC 9110 §15.6.3, §15.6.4: the fault is behind this server. Someone who may not sign in made no mistake in HTTP. */
const statuses: Readonly<Record<string, number>> = {
  temporarily_unavailable: 503,
  access_denied: 403,
  slow_down: 429,
}

export const createProblemPage =
  (ports: ProblemPorts): ShowProblem =>
  (request, refusal, provider, continuation, requester) => {
    const { continuations, resume, pages, paths, log } = ports
    const { client } = requester
    logRefusal(log, 'federation', request, {
      ...refusal,
      log: { client_id: client?.client_id, ...refusal.log },
    })
    const others = otherWays(continuation, requester, ports)
    const wait = refusal.retry_after
    const { token, cookie } = ports.csrf.token(request)
    return pages.federationProblem(
      request,
      {
        provider: provider.display_name ?? provider.name,
        kind: refusal.error === 'access_denied' ? 'denied' : 'failed',
        again: paths('/federation/login', continuations.seal({ ...continuation, idp: provider.name })),
        ...(others !== undefined && { others }),
        back: resume({ ...continuation, refused: 'login', refused_by: token }),
      },
      {
        ...pageContextOf(requester, cookie),
        status: statuses[refusal.error] ?? 502,
        ...(wait !== undefined && { headers: { 'retry-after': String(wait) } }),
      },
    )
  }

/**
 * For a user who does not sign in with this provider: another way, if there is one, or back to the client. Undefined where
 * nobody vouched for the client: a provider may refuse without a page of its own, and the user has seen none of ours that
 * names the client (RFC 9700 §4.11.2).
 */
export function wayOut(
  request: HttpRequest,
  continuation: Continuation,
  requester: Requester,
  ports: ProblemPorts,
): string | undefined {
  const others = otherWays(continuation, requester, ports)
  if (others !== undefined) return others
  const trusted = !requester.client || isVouchedFor(requester.client)
  return trusted ? ports.resume(refusedBy(request, continuation, 'login', ports.csrf)) : undefined
}

/** The login page, where the user has a choice. */
function otherWays(
  { idp: _, login_hint: __, ...anew }: Continuation,
  requester: Requester,
  { ways, paths, continuations }: ProblemPorts,
): string | undefined {
  const choice = requester.idp === undefined && ways.all(requester).length > 1
  return choice ? paths('/login', continuations.seal(anew)) : undefined
}
