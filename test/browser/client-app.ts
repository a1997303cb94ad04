/** A single-page application that uses the client library, on another site than the server. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Frame, Page } from 'playwright-core'
import { bundle } from '../client/bundles.ts'
import { inTime } from '../support/until.ts'

export type ClientApp = {
  readonly origin: string
  /** Creates the client of the pages that are served from now on. */
  readonly use: (issuer: string) => void
  readonly close: () => void
}

/** Makes the library and a client available to scripts of the test; the callback page of popups completes them itself. */
const program = `
import { createClient, fetchUserinfo } from '@tessera/client'
import * as browser from '@tessera/client/browser'
import { createDpop } from '@tessera/client/dpop'

const { issuer, clientId } = document.currentScript.dataset
const { origin, pathname } = location
const redirect_uri = origin + (pathname.startsWith('/isolated') ? '/isolated/popup' : '/popup')
const client = createClient({ issuer, client_id: clientId })
/** A client whose tokens are bound to the key that the browser keeps. */
const boundClient = async () => {
  const stored = await browser.storedDpopKey()
  return createClient({ issuer, client_id: clientId, proof: await createDpop(stored.value) })
}
globalThis.app = { ...browser, boundClient, client, fetchUserinfo, origin, redirect_uri }
if (pathname.endsWith('/popup')) browser.completePopup()
`

/** Listens on `localhost`. Pages below `/isolated` have `Cross-Origin-Opener-Policy: same-origin`. */
export async function startClientApp(client_id: string): Promise<ClientApp> {
  const { text: script } = await bundle(program, { format: 'iife' })
  let issuer = ''
  const server = createServer(({ url = '' }, response) => {
    const isScript = url === '/app.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8')
    if (url.startsWith('/isolated')) response.setHeader('cross-origin-opener-policy', 'same-origin')
    response.end(
      isScript
        ? script
        : `<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,"><h1>App</h1>
           <script src="/app.js" data-issuer="${issuer}" data-client-id="${client_id}"></script></html>`,
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    use(url) {
      issuer = url
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** An outcome as the test gets it from the page: a result with the claims or the code of the error. */
export type Outcome = {
  readonly ok: boolean
  readonly sub?: string
  readonly returnTo?: string
  readonly kind?: string
  readonly code?: string
  readonly message?: string
}

/** Runs an expression in the page, in which `app` has the library, and returns the outcome of its result. */
export const run = (page: Page | Frame, expression: string): Promise<Outcome | undefined> =>
  inTime(
    `the page has the result of ${expression}`,
    page.evaluate(`(async () => {
      const { ok, value, error } = await ${expression}
      if (!ok) return { ok, kind: error.kind, code: error.code, message: error.message }
      return value && JSON.parse(JSON.stringify({ ok, sub: value.claims?.sub, returnTo: value.returnTo }))
    })()`),
  )
