/** The redirect URI of the demo's web client: a page that shows the code and the next request. */

import { createServer, type Server } from 'node:http'
import { demoCodeExchange, demoPages, demoProofKey } from './demo-requests.ts'
import { demoCodeSnippet } from './demo-snippets.ts'

type DemoCallback = { readonly redirectUri: string; readonly close: () => void }

const preferredPort = 5081

/** Listens on 127.0.0.1 only, and on another port if 5081 is in use (RFC 8252 §7.3: the client may use any). */
export async function startDemoCallback(issuer: string): Promise<DemoCallback> {
  const style = (await import('../server.ts')).pageStyle()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const found = url.pathname === '/callback'
    response.writeHead(found ? 200 : 404, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    })
    response.end(found ? pageOf(url.searchParams, issuer, redirectUriOf(server), style) : 'not found')
  })
  await listen(server, preferredPort).catch(() => listen(server, 0))
  return {
    redirectUri: redirectUriOf(server),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })

function redirectUriOf(server: Server): string {
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : preferredPort}/callback`
}

function pageOf(parameters: URLSearchParams, issuer: string, redirectUri: string, style: string): string {
  const code = parameters.get('code')
  const body = code === null ? refusal(parameters) : codeShown(code, issuer, redirectUri)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Invoice desk · Tessera demo</title>
<style>${style}${ownStyle}</style>
</head>
<body>
<div class="frame wide">
<header class="brand"><span class="site">Invoice desk</span><span class="who">a demo application</span></header>
<main class="card">
${body}
<div class="buttons">
<a class="button" href="${escapeHtml(demoPages(issuer).account)}">Your account</a>
<a class="button" href="${escapeHtml(demoPages(issuer).signOut)}">Sign out</a>
</div>
</main>
</div>
</body>
</html>`
}

const codeShown = (
  code: string,
  issuer: string,
  redirectUri: string,
): string => `<div class="sign approved" aria-hidden="true"></div>
<h1>The application received a code</h1>
<p class="lead">It would now exchange the code for tokens. To do that yourself, paste this into bash within five minutes.</p>
<pre tabindex="0">CODE='${escapeHtml(code.replaceAll("'", ''))}'
${escapeHtml(demoCodeExchange(issuer, redirectUri))}</pre>
<p>Or run this module, which uses the client library:</p>
<code tabindex="0">${escapeHtml(demoCodeSnippet(issuer, redirectUri, code, demoProofKey.verifier))}</code>`

const refusal = (parameters: URLSearchParams): string => `<div class="sign error" aria-hidden="true"></div>
<h1>The application received no code</h1>
<p class="lead">${escapeHtml(parameters.get('error') ?? 'The URL contains neither a code nor an error.')}</p>
<p>${escapeHtml(parameters.get('error_description') ?? '')}</p>`

const ownStyle = `code{display:block;white-space:pre;letter-spacing:normal}pre,code{margin:1.25rem 0 0;padding:1rem 1.25rem;overflow-x:auto;border:1px dashed var(--field);border-radius:0.75rem;font:0.875rem/1.6 var(--mono)}`

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"]/g, character => entities[character]!)
