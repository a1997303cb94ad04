/** Issues ids that are the sealed metadata of their clients, and finds the clients of such ids. */

import type { Seconds } from '@tessera/protocol/brand'
import { loopbackHosts } from '@tessera/protocol/redirect-uri'
import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../../model/client.ts'
import { isBlockedRedirect } from '../../model/client-blocks.ts'
import type { DerivedKeys } from '../../model/keys.ts'
import type { SealedClients } from '../../model/registration.ts'
import { maxSealedIdLength, type SealedClientPolicy } from '../../model/sealed-client.ts'
import { setBounded } from '../../runtime/bounded-map.ts'
import type { Clock, Log, Random } from '../../runtime/ports.ts'
import { createClientIdSeal, type SealHeader, type SealTimes } from './client-id-seal.ts'
import { packMetadata, unpackMetadata } from './packed-metadata.ts'

type SealedClientPorts = {
  readonly policy: SealedClientPolicy
  readonly issuer: string
  readonly derived: DerivedKeys
  /** Returns undefined if the metadata no longer fits the configuration. */
  readonly read: (clientId: string, metadata: JsonObject) => Client | undefined
  /** Returns whether an operator blocked all sealed ids. */
  readonly areBlocked: () => boolean
  /** Returns the destinations to which no client may redirect. */
  readonly blockedRedirects: () => readonly string[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

type Kept = SealHeader & { readonly client: Client | undefined }

/** Parsed clients in memory. Beyond it, the least recently used is dropped. */
const capacity = 1000

export function createSealedClients(ports: SealedClientPorts): SealedClients {
  const { policy, clock, log } = ports
  const seal = createClientIdSeal(ports)
  const ready = new Map<string, Kept>()

  return {
    issue(metadata, client) {
      if (policy.mode !== 'issue' || ports.areBlocked() || !isSealable(metadata, client)) return undefined
      const content = packMetadata(metadata)
      if (content === undefined) return undefined
      const issued_at = clock.now()
      const client_id = seal.seal(content, { issued_at, ends_at: issued_at + policy.lifetime })
      return client_id.length > maxSealedIdLength ? undefined : { client_id, issued_at }
    },
    find(clientId) {
      if (policy.mode === 'off') return refused(clientId, 'sealed_clients_off')
      if (ports.areBlocked()) return refused(clientId, 'sealed_clients_blocked')
      const kept = ready.get(clientId) ?? open(clientId)
      if (!kept || !seal.isOpen(kept)) return refused(clientId, 'sealed_client_invalid')
      setBounded(ready, clientId, kept, capacity)
      return endOf(kept) > clock.now() ? kept.client : refused(clientId, 'sealed_client_ended')
    },
    isIssued: clientId => seal.open(clientId) !== undefined,
    isAllowedOrigin,
  }

  function isAllowedOrigin(origin: string): boolean {
    const url = URL.parse(origin)
    if (policy.mode === 'off' || ports.areBlocked() || url === null) return false
    const isPossible =
      url.protocol === 'https:' || (url.protocol === 'http:' && loopbackHosts.has(url.hostname))
    return isPossible && !isBlockedRedirect(origin, ports.blockedRedirects())
  }

  function open(clientId: string): Kept | undefined {
    const opened = seal.open(clientId)
    const metadata = opened && unpackMetadata(opened.content)
    if (!metadata) return undefined
    const { version, issued_at, ends_at } = opened
    const client = ports.read(clientId, metadata)
    return { version, issued_at, ends_at, client: client && asStranger(client) }
  }

  /** A lifetime that was shortened applies to earlier ids too. */
  function endOf({ issued_at, ends_at }: SealTimes): Seconds {
    return Math.min(ends_at, issued_at + policy.lifetime)
  }

  function refused(clientId: string, cause: string): undefined {
    log.info('sealed_client_refused', { client_id: clientId.slice(0, maxSealedIdLength), cause })
  }
}

/**
 * Returns whether an id alone can be the client: nothing of it is secret, and its keys are not fetched. A software
 * statement makes a client trusted, and is long.
 */
function isSealable(metadata: JsonObject, client: Client): boolean {
  const { token_endpoint_auth_method: method, jwks, jwks_uri } = client
  if (metadata.software_statement !== undefined || jwks_uri !== undefined) return false
  return method === 'none' || (method === 'private_key_jwt' && jwks !== undefined)
}

/** Anyone can make any number of such clients, and nothing records which of them a user knows. */
const asStranger = (client: Client): Client => ({
  ...client,
  require_consent: true,
  require_pkce: true,
  registered: { trusted: false, version: 1, sealed: true },
})
