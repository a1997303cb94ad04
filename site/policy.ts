/** The content security policy of each page, in the page: a host of static files may not be able to send headers. */

import { createHash } from 'node:crypto'

/** Adds the policy to a page. Only the scripts that the page contains may run inline. Pagefind is WebAssembly. */
export function withPolicy(html: string): string {
  const hashes = [...html.matchAll(/<script(?: [^>]*)?>([\s\S]*?)<\/script>/g)].flatMap(([, script = '']) =>
    script === '' ? [] : [`'sha256-${createHash('sha256').update(script).digest('base64')}'`],
  )
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'wasm-unsafe-eval' ${[...new Set(hashes)].join(' ')}`,
    // Colors of code are attributes.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const place = /<head>/
  if (!place.test(html)) throw new Error('the page has no head')
  return html.replace(place, `<head><meta http-equiv="Content-Security-Policy" content="${policy}">`)
}
