/**
 * `GET /connect/checksession`: the frame that tells a client's page about session changes (OpenID Connect Session
 * Management 1.0 §3).
 */

import type { Endpoint } from '@tessera/protocol/http'
import { createCacheableResponse } from '../../messages/cacheable.ts'
import type { BrowserState } from '../../pages/flow/browser-state.ts'
import { createCheckSessionPage } from '../../pages/ui/check-session-page.ts'

const maxAge = 3600

export function createCheckSessionEndpoint({ browserState }: { browserState: BrowserState }): Endpoint {
  const { html, headers } = createCheckSessionPage(browserState.cookieName)
  const respond = createCacheableResponse({ body: html, type: 'text/html; charset=utf-8', maxAge })
  return request => {
    const { headers: cached, ...response } = respond(request)
    return { ...response, headers: { ...headers, ...cached } }
  }
}
