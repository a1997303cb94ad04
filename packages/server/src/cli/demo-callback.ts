/** Where the demo's web client gets its codes: one page that shows the code and the request that comes next. */

import { createServer, type Server } from 'node:http'
import { demoCodeExchange } from './demo-requests.ts'

export type DemoCallback = { readonly redirectUri: string; readonly close: () => void }

const preferredPort = 5081

/** Listens on 127.0.0.1 only; on another port where 5081 is taken (RFC 8252 §7.3: the client may use any). */
export async function startDemoCallback(issuer: string): Promise<DemoCallback> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const found = url.pathname === '/callback'
    response.writeHead(found ? 200 : 404, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    })
    response.end(found ? pageOf(url.searchParams, issuer, redirectUriOf(server)) : 'not found')
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

function pageOf(parameters: URLSearchParams, issuer: string, redirectUri: string): string {
  const code = parameters.get('code')
  const body =
    code === null
      ? `<h1>No code</h1><p>${escapeHtml(parameters.get('error') ?? 'no answer')}: ${escapeHtml(parameters.get('error_description') ?? '')}</p>`
      : `<h1>The code</h1><p>Paste this into bash within five minutes:</p>
<pre>CODE='${escapeHtml(code.replaceAll("'", ''))}'
${escapeHtml(demoCodeExchange(issuer, redirectUri))}</pre>`
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Tessera demo</title>
<style>body{font:16px system-ui;margin:3rem;max-width:60rem}pre{background:#eee;color:#111;padding:1rem;overflow:auto}</style>${body}</html>`
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"]/g, character => entities[character]!)
