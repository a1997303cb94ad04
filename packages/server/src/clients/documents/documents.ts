/**
 * Finds clients whose `client_id` is the URL of their metadata (draft-ietf-oauth-client-id-metadata-document-03). The
 * store has no row of them.
 */

import { clientIdUrlProblem } from '@tessera/protocol/client-id-url'
import type { Client } from '../../model/client.ts'
import { type DocumentPolicy, type HostTrust, trustInHost } from '../../model/client-document.ts'
import type { ClientDocuments } from '../../model/registration.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { createSlots } from '../../outbound/slots.ts'
import { singleFlight } from '../../runtime/async/promises.ts'
import { createBackOff } from '../../runtime/back-off.ts'
import type { Clock } from '../../runtime/ports.ts'
import { isRecent } from '../../runtime/recent.ts'
import { createDocumentMemory, type DocumentMemory, type KeptDocument } from './document-memory.ts'
import { type Fetched, fetchDocument } from './fetch-document.ts'
import { freshnessOf, type Headers } from './freshness.ts'
import { type ReadDocumentPorts, readDocument } from './read-document.ts'

type DocumentPorts = Omit<ReadDocumentPorts, 'policy'> & {
  readonly policy: DocumentPolicy
  readonly outbound: Outbound
  readonly clock: Clock
}

/** Thrown if a client's document can't be fetched now. The response is 503 with `Retry-After`. */
class ClientUnavailable extends Error {
  override readonly name = 'ClientUnavailable'
}

/** Requests that may wait for documents at the same time. */
const maxWaiting = 200
/** Characters. Kept in addition to the document, so a host must not choose how much memory they take. */
const longestValidator = 256
/** Returns a header for revalidation (RFC 9110 §8.8), unless it is too long: then the document is fetched again. */
const validatorOf = (header: string | undefined): string | undefined =>
  header !== undefined && header.length <= longestValidator ? header : undefined

/** Finds clients by documents that it fetches and remembers in this process. */
export function createClientDocuments(ports: DocumentPorts): ClientDocuments {
  const { policy, clock, log } = ports
  // Unknown hosts have a separate memory, so that they can't evict the documents of others.
  const memories: Readonly<Record<HostTrust, DocumentMemory>> = {
    allowed: createDocumentMemory(),
    unknown: createDocumentMemory(),
  }
  const takeSlot = createSlots(maxWaiting)
  const backOff = createBackOff(clock)
  const load = singleFlight(loadOnce)
  const keptOf = (clientId: string): KeptDocument | undefined =>
    memories.allowed.find(clientId) ?? memories.unknown.find(clientId)

  return {
    find(clientId) {
      const kept = keptOf(clientId)
      return kept && isRecent(kept.confirmed_at, kept.fresh_for, clock.now()) ? kept.client : load(clientId)
    },
    known: clientId => keptOf(clientId)?.client,
    isAllowedOrigin(origin) {
      const url = URL.parse(origin)
      return url?.protocol === 'https:' && trustInHost(url, policy) !== undefined
    },
  }

  async function loadOnce(clientId: string): Promise<Client | undefined> {
    const problem = clientIdUrlProblem(clientId)
    if (problem !== undefined) return refused(clientId.slice(0, 200), 'client_id_url_malformed', problem)
    const trust = trustInHost(new URL(clientId), policy)
    if (trust === undefined) return refused(clientId, 'client_document_host_not_allowed')
    const known = memories[trust].find(clientId)
    // Whatever other ids of its host are made up, a document that was valid is fetched again, and so is one of a host that
    // the operator vouches for: strangers could otherwise delay its clients as long as they like. A host has 65,535 ports.
    // Failures are not cached (draft-ietf-oauth-client-id-metadata-document-03 §5.2).
    const paused = known || trust === 'allowed' ? clientId : new URL(clientId).hostname
    if (backOff.waitFor(paused) > 0) return stale(clientId, known, 'client_document_paused')
    const giveBack = takeSlot({ client_id: clientId, url: clientId, trusted: trust === 'allowed' })
    if (!giveBack) return stale(clientId, known, 'client_documents_too_many_waiting')
    try {
      const fetched = await fetchDocument(clientId, { stranger: trust === 'unknown', known }, ports.outbound)
      const client = await clientOf(clientId, fetched, trust, known)
      if (client === undefined) backOff.failed(paused)
      if (client !== undefined || fetched.kind !== 'away') return client
      return stale(clientId, known, fetched.cause, fetched.detail)
    } finally {
      giveBack()
    }
  }

  /** Remembers a valid document, and forgets it if it is valid no more. */
  async function clientOf(
    clientId: string,
    fetched: Fetched,
    trust: HostTrust,
    known: KeptDocument | undefined,
  ): Promise<Client | undefined> {
    if (fetched.kind === 'away') return undefined
    if (fetched.kind === 'unchanged' && known) return keep(clientId, trust, known, fetched.headers)
    memories[trust].drop(clientId)
    if (fetched.kind !== 'document')
      return fetched.kind === 'missing' ? refused(clientId, fetched.cause, fetched.detail) : undefined
    const read = await readDocument(clientId, fetched, trust, ports)
    if (!read.ok) return refused(clientId, read.reason, read.description)
    const { client, left } = read.value
    if (known?.client.registered?.version !== fetched.version)
      log.info('client_document_read', { client_id: clientId, host_trust: trust, left })
    const etag = validatorOf(fetched.headers.etag)
    const last_modified = validatorOf(fetched.headers['last-modified'])
    return keep(clientId, trust, { client, bytes: fetched.bytes, etag, last_modified }, fetched.headers)
  }

  function keep(
    clientId: string,
    trust: HostTrust,
    document: Pick<KeptDocument, 'client' | 'bytes' | 'etag' | 'last_modified'>,
    headers: Headers,
  ): Client {
    const now = clock.now()
    const { lifetime, staleAllowed } = freshnessOf(headers, now, policy)
    memories[trust].keep(clientId, {
      ...document,
      confirmed_at: now,
      fresh_for: lifetime,
      staleAllowed,
    })
    return document.client
  }

  /** While the host is away, a document is used until the end of its longest lifetime (RFC 9111 §4.2.4). */
  function stale(
    clientId: string,
    known: KeptDocument | undefined,
    cause: string,
    detail?: string | number,
  ): Client {
    const isUsable = known?.staleAllowed && isRecent(known.confirmed_at, policy.maxCacheLifetime, clock.now())
    if (isUsable) return known.client
    throw new ClientUnavailable(`the document of ${clientId} can not be fetched now`, {
      cause: detail === undefined ? cause : `${cause}: ${detail}`,
    })
  }

  function refused(clientId: string, cause: string, detail?: string | number): undefined {
    log.warn('client_document_refused', { client_id: clientId, cause, detail })
  }
}
