/** The published documents of a server: metadata (OpenID Connect Discovery 1.0 §4) and keys (RFC 7517 §5). */

import assert from 'node:assert/strict'
import { get } from '../load/requests.ts'
import { type Row, wrong } from './row.ts'

/** All responses are the same: each is compared with the first, which is examined. */
const published = (name: string, endpoint: 'discovery' | 'jwks', prove: Row['prove']): Row => ({
  name,
  endpoint,
  work(path) {
    const request = get(path)
    let first: string | undefined
    return {
      next: () => request,
      check(body) {
        first ??= body
        return body === first ? undefined : wrong('an answer unlike the first', body)
      },
    }
  },
  prove,
})

export const publishedRows: readonly Row[] = [
  published('discovery', 'discovery', async body => {
    const { issuer, token_endpoint, jwks_uri } = JSON.parse(body)
    assert.ok(issuer && token_endpoint && jwks_uri, 'metadata name their endpoints')
  }),
  published('JWKS', 'jwks', async body => {
    const algorithms = JSON.parse(body).keys.map((key: { kty: string }) => key.kty)
    assert.deepEqual([...new Set(algorithms)].toSorted(), ['EC', 'RSA'])
  }),
]
