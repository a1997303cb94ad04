/** A file of ours that pages load, served under its content's hash so that browsers may keep it for ever. */

import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Route } from '@tessera/protocol/http'

export type Asset = { readonly path: `/assets/${string}`; readonly route: Route }

const types = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' } as const

/** @param file beside this one. */
export function createAsset(name: string, ending: keyof typeof types, file: string): Asset {
  const body = readFileSync(new URL(file, import.meta.url), 'utf8')
  const path = `/assets/${name}-${hash('sha256', body, 'hex').slice(0, 16)}.${ending}` as const
  const response = {
    status: 200,
    headers: {
      'content-type': types[ending],
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    },
    body,
  }
  return { path, route: { path, methods: ['GET'], endpoint: () => response } }
}
