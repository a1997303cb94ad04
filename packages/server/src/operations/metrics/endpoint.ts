/** `GET /metrics`, protected by a token (RFC 6750 §2.1), since metrics show how many users sign in, and how often that fails. */

import { hash } from 'node:crypto'
import type { Endpoint } from '@tessera/protocol/http'
import type { Secret } from '../../model/client.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import type { ServerMetrics } from '../../runtime/metrics.ts'
import type { Clock } from '../../runtime/ports.ts'
import { formatMetrics } from './text.ts'

export type MetricsAccess = {
  readonly clock: Clock
  /** Returns the accepted tokens. An argon2id hash matches no token. */
  readonly tokens: () => readonly Secret[]
}

export function createMetricsEndpoint({
  clock,
  tokens,
  read,
}: MetricsAccess & { readonly read: () => Promise<ServerMetrics> }): Endpoint {
  const isAccepted = (presented: string): boolean => {
    const digests = {
      sha256: hash('sha256', presented, 'buffer'),
      sha512: hash('sha512', presented, 'buffer'),
    }
    // Compares all, so that the time does not show which one matches.
    const matching = tokens().filter(
      token => token.kind !== 'argon2id' && equalInConstantTime(digests[token.kind], token.hash),
    )
    return matching.some(({ expires_at }) => expires_at === undefined || expires_at > clock.now())
  }

  return async ({ headers: { authorization } }) => {
    const [, token] = /^Bearer ([\x21-\x7E]{1,4096})$/i.exec(authorization ?? '') ?? []
    if (token === undefined || !isAccepted(token)) return unauthorized
    return {
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' },
      body: formatMetrics(await read()),
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
  body: 'a bearer token is required: docs/endpoints/metrics.md\n',
}
