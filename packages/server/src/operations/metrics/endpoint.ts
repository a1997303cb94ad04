/** `GET /metrics`, for whoever has a token (RFC 6750 §2.1): figures tell how many sign in, and how often it fails. */

import { hash } from 'node:crypto'
import type { Endpoint } from '@tessera/protocol/http'
import type { Secret } from '../../model/client.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import type { FiguresOfAll } from '../../runtime/metrics.ts'
import type { Clock } from '../../runtime/ports.ts'
import { formatFigures } from './text.ts'

export type MetricsAccess = {
  readonly clock: Clock
  /** Any of these opens; an argon2id hash never does. */
  readonly tokens: () => readonly Secret[]
}

export function createMetricsEndpoint({
  clock,
  tokens,
  read,
}: MetricsAccess & { readonly read: () => Promise<FiguresOfAll> }): Endpoint {
  const opens = (presented: string): boolean => {
    const digest = hash('sha256', presented, 'buffer')
    // All are compared, so that the time tells nothing of which one fits.
    const fitting = tokens().filter(
      token => token.kind === 'sha256' && equalInConstantTime(digest, token.hash),
    )
    return fitting.some(({ expires_at }) => expires_at === undefined || expires_at > clock.now())
  }

  return async ({ headers: { authorization } }) => {
    const [, token] = /^Bearer ([\x21-\x7E]{1,4096})$/i.exec(authorization ?? '') ?? []
    if (token === undefined || !opens(token)) return unauthorized
    return {
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' },
      body: formatFigures(await read()),
    }
  }
}

const unauthorized = {
  status: 401,
  headers: {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'www-authenticate': 'Bearer realm="metrics"',
  },
  body: 'a token is needed: docs/endpoints/metrics.md\n',
}
