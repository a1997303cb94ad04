/** Finds the key sets of issuers of workload identities (OpenID Connect Discovery 1.0 §4). */

import type { Seconds } from '@tessera/protocol/brand'
import { parseStrangersObject } from '@tessera/protocol/json'
import type { Outbound } from '../../outbound/outbound.ts'
import { createSlots } from '../../outbound/slots.ts'
import { singleFlight } from '../../runtime/async/promises.ts'
import { setBounded } from '../../runtime/bounded-map.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import { isRecent } from '../../runtime/recent.ts'

/** Resolves to the issuer's `jwks_uri`; undefined if its metadata can't be fetched or is not that of the issuer. */
export type FindIssuerKeysUri = (issuer: string) => Promise<string | undefined>

type Found = {
  readonly jwks_uri: string | undefined
  readonly asked_at: Seconds
  readonly fetched_at: Seconds
}

const freshFor: Seconds = 3600
/** How long the address is used if it can't be fetched again. */
const staleFor: Seconds = 86_400
/** Minimum time between two fetches after a failure. */
const pause: Seconds = 30
const maxBytes = 65_536
/** Issuers in memory. Beyond it, the oldest is dropped. Only those of the configuration and of stored clients are asked. */
const capacity = 500
/** Requests that may wait for metadata at the same time; half of them for one host. Anyone can name an issuer. */
const maxWaiting = 500

export function createIssuerKeysUriFinder({
  outbound,
  clock,
  log,
}: {
  readonly outbound: Outbound
  readonly clock: Clock
  readonly log: Log
}): FindIssuerKeysUri {
  const known = new Map<string, Found>()
  const ask = singleFlight(fetchUri)
  const takeSlot = createSlots(maxWaiting)

  return async issuer => {
    const found = known.get(issuer)
    const now = clock.now()
    if (found && (isRecent(found.fetched_at, freshFor, now) || isRecent(found.asked_at, pause, now)))
      return valid(found, now)
    const giveBack = takeSlot({ client_id: issuer, url: issuer, trusted: true })
    return giveBack ? ask(issuer).finally(giveBack) : found && valid(found, now)
  }

  async function fetchUri(issuer: string): Promise<string | undefined> {
    const response = await outbound(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
      headers: { accept: 'application/json' },
      maxBytes,
    })
    const jwks_uri = response.ok && response.status === 200 ? readUri(response.body, issuer) : undefined
    if (jwks_uri === undefined) {
      const why = response.ok
        ? { status: response.status }
        : { reason: response.reason, detail: response.detail }
      log.warn('workload_issuer_not_fetched', { issuer, ...why })
    }
    const now = clock.now()
    const before = known.get(issuer) ?? { jwks_uri: undefined, fetched_at: Number.NEGATIVE_INFINITY }
    const after: Found = {
      ...(jwks_uri === undefined ? before : { jwks_uri, fetched_at: now }),
      asked_at: now,
    }
    setBounded(known, issuer, after, capacity)
    return valid(after, now)
  }
}

const valid = ({ jwks_uri, fetched_at }: Found, now: Seconds): string | undefined =>
  isRecent(fetched_at, staleFor, now) ? jwks_uri : undefined

/** Reads `jwks_uri` of metadata whose `issuer` is exactly this one (§4.3). */
function readUri(body: string, issuer: string): string | undefined {
  const { issuer: named, jwks_uri } = parseStrangersObject(body) ?? {}
  return named === issuer && typeof jwks_uri === 'string' && URL.canParse(jwks_uri) ? jwks_uri : undefined
}
