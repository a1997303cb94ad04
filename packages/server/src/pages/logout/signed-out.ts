/**
 * The signed-out page. It notifies the clients in hidden frames (OpenID Connect Front-Channel Logout 1.0 §3), and then
 * continues: with a script, when every frame has loaded or after a few seconds; without scripts, by a `Refresh` inside
 * `noscript`. Only one of the two takes effect, so that the client is called once. The page always has a link.
 */

import type { Endpoint, HttpRequest } from '@tessera/protocol/http'
import { type Parameters, parseParameters } from '@tessera/protocol/parameters'
import { type Result, refuse } from '@tessera/protocol/result'
import type { Clients } from '../../model/client.ts'
import type { SubjectIdentifiers } from '../../tokens/subject-identifier.ts'
import type { BrowserRequests } from '../flow/browser-request.ts'
import type { Csrf } from '../flow/csrf.ts'
import type { SignedOut, SignOuts } from '../flow/sign-out-state.ts'
import type { Pages } from '../ui/pages.ts'

type SignedOutPorts = {
  readonly browserRequests: BrowserRequests
  readonly issuer: string
  readonly signOuts: SignOuts
  readonly clients: Pick<Clients, 'find'>
  readonly subjects: Pick<SubjectIdentifiers, 'sessionIdFor'>
  readonly csrf: Pick<Csrf, 'holds'>
  readonly pages: Pages
}

/** How long the page waits for its frames, in seconds. */
const frameTimeout = 5
const limits = { continue: [14_000, 'invalid_request'], state: [14_000, 'invalid_request'] } as const

/** `GET /logout/done`: redirected from our own page (`continue`) or from another provider (`state`). */
export function createSignedOutEndpoint(ports: SignedOutPorts): Endpoint {
  const { clients, pages } = ports

  return async request => {
    const page = ports.browserRequests.open('logout', request)
    const opened = open(request)
    if (!opened.ok) return page.refuse(opened)
    const { client_id, ui_locales, leads_to, return_refused, ended, upstream, by_form, browser } =
      opened.value
    const goes_on = opened.value.goes_on && (browser === undefined || ports.csrf.holds(request, browser))
    const client = client_id === undefined ? undefined : await clients.find(client_id, 'if_reachable')
    const frames = ended ? await framesOf(ended) : []
    const next = upstream ?? (goes_on ? leads_to : undefined)
    // Some browsers apply a page's `form-action` to redirects after its form post, and it did not include the provider.
    const held = by_form && upstream !== undefined
    const redirects = next !== undefined && frames.length === 0 && !held
    if (redirects) return page.redirect(next)
    return pages.signedOut(
      request,
      {
        frames,
        goesOnAfter: next === undefined ? undefined : frames.length === 0 ? 0 : frameTimeout,
        href: next ?? leads_to,
        byProvider: upstream !== undefined,
        returnRefused: return_refused === true,
        again: page.link('/account'),
      },
      {
        client,
        ui_locales,
        frameSources: [...new Set(frames.map(uri => new URL(uri).origin))],
      },
    )
  }

  function open(request: HttpRequest): Result<SignedOut> {
    const read: Result<Parameters> = parseParameters(request.query, limits)
    if (!read.ok) return read
    const value = ports.signOuts.done.open(read.value.get('continue') ?? read.value.get('state'))
    return value ? { ok: true, value } : refuse('invalid_request', 'continuation_invalid')
  }

  /**
   * Returns the logout URLs of clients that are still registered. Each has `iss` and `sid`, even if the client does not
   * require them (§2).
   */
  async function framesOf({
    sid,
    clients: took,
  }: NonNullable<SignedOut['ended']>): Promise<readonly string[]> {
    const found = await Promise.all(took.map(id => clients.find(id, 'at_hand')))
    return found.flatMap(client => {
      if (!client?.enabled || client.frontchannel_logout_uri === undefined) return []
      const uri = new URL(client.frontchannel_logout_uri)
      uri.searchParams.set('iss', ports.issuer)
      uri.searchParams.set('sid', ports.subjects.sessionIdFor(client, sid))
      return [uri.href]
    })
  }
}
