/** The one stylesheet, served under its content's hash so that browsers may keep it for ever. */

import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Route } from '@tessera/protocol/http'

export type Stylesheet = { readonly path: `/assets/${string}`; readonly route: Route }

export function createStylesheet(): Stylesheet {
  const body = readFileSync(new URL('./tessera.css', import.meta.url), 'utf8')
  const path = `/assets/tessera-${hash('sha256', body, 'hex').slice(0, 16)}.css` as const
  const response = {
    status: 200,
    headers: {
      'content-type': 'text/css; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    },
    body,
  }
  return { path, route: { path, methods: ['GET'], endpoint: () => response } }
}
