/** Files that pages load from this server. Their names contain the hash of the content, so that browsers may cache them without limit (RFC 8246). */

import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { HttpResponse, Route } from '@tessera/protocol/http'

export type AssetPath = `/assets/${string}`
export type Asset = { readonly path: AssetPath; readonly route: Route }

/** @param name the part of the path before the hash; @param ending the part after it. */
export function createAsset(
  name: string,
  ending: string,
  type: string,
  content: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Asset {
  const path = `/assets/${name}-${hash('sha256', content, 'hex').slice(0, 16)}.${ending}` as const
  const response: HttpResponse = {
    status: 200,
    headers: {
      ...headers,
      'content-type': type,
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    },
    ...(typeof content === 'string' ? { body: content } : { body: '', bytes: content }),
  }
  return { path, route: { path, methods: ['GET'], endpoint: () => response } }
}

/** Creates the only script file. It asks the browser for a passkey; pages without passkeys don't load it. */
export const createPasskeyScript = (): Asset =>
  createAsset(
    'passkey',
    'js',
    'text/javascript; charset=utf-8',
    readFileSync(new URL('./passkey.js', import.meta.url), 'utf8'),
  )
