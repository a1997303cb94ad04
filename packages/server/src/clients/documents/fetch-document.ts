/** Fetches a Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document-03 §5, §8.6, §8.7). */

import { hash } from 'node:crypto'
import { parseStrangersObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'
import type { Outbound, OutboundFailure } from '../../outbound/outbound.ts'
import type { KeptDocument } from './document-memory.ts'
import type { Headers } from './freshness.ts'

export type Fetched =
  | {
      readonly kind: 'document'
      readonly document: JsonObject
      /** A number that changes with the document, and that every node computes alike. */
      readonly version: number
      readonly bytes: number
      readonly headers: Headers
    }
  /** The known document is still the current one (RFC 9110 §15.4.5). */
  | { readonly kind: 'unchanged'; readonly headers: Headers }
  /** There is no document at the URL. */
  | { readonly kind: 'missing'; readonly cause: string; readonly detail?: string | number | undefined }
  /** The host did not respond properly. It may do so later. */
  | { readonly kind: 'away'; readonly cause: string; readonly detail?: string | number | undefined }

/** The recommended limit (§8.7). */
const maxBytes = 5120

type Asking = {
  /** Whether the operator does not know the host. */
  readonly stranger: boolean
  readonly known: KeptDocument | undefined
}

/** Fetches the document; follows no redirect (§5). Does not reject. */
export async function fetchDocument(
  url: string,
  { stranger, known }: Asking,
  outbound: Outbound,
): Promise<Fetched> {
  const answer = await outbound(url, {
    headers: {
      accept: 'application/json, application/*+json;q=0.9',
      ...(known?.etag !== undefined && { 'if-none-match': known.etag }),
      ...(known?.last_modified !== undefined && { 'if-modified-since': known.last_modified }),
    },
    maxBytes,
    stranger,
  })
  if (!answer.ok) {
    const { reason, detail } = answer
    return { kind: isPassing(answer, known) ? 'away' : 'missing', cause: reason, detail }
  }
  const { status, headers, body } = answer
  if (status === 304 && known) return { kind: 'unchanged', headers }
  if (status !== 200) {
    const kind = isPassingStatus(status, known) ? 'away' : 'missing'
    return { kind, cause: 'client_document_status_wrong', detail: status }
  }
  if (!isJsonType(headers['content-type']))
    return {
      kind: 'missing',
      cause: 'client_document_type_wrong',
      detail: headers['content-type']?.slice(0, 100),
    }
  const document = parseStrangersObject(body)
  if (document === undefined) return { kind: 'missing', cause: 'client_document_not_json' }
  const bytes = url.length + Buffer.byteLength(body)
  return { kind: 'document', document, version: versionOf(body), bytes, headers }
}

/** Returns whether a later attempt may succeed. A name that led to a document may only be unknown for a while. */
const isPassing = ({ reason }: OutboundFailure, known: KeptDocument | undefined): boolean =>
  reason === 'outbound_timeout' ||
  reason === 'outbound_failed' ||
  (reason === 'outbound_name_unknown' && known !== undefined)

/** A host that had a document may refuse requests for a while, for example with 403; 404 and 410 say that it is gone. */
const isPassingStatus = (status: number, known: KeptDocument | undefined): boolean =>
  status === 429 ||
  status >= 500 ||
  (known !== undefined && status >= 400 && status !== 404 && status !== 410)

/** §4: `application/json`, or a more specific type that is JSON. */
const isJsonType = (type = ''): boolean =>
  /^application\/(?:json|[\w.!#$&^+-]+\+json)\s*(?:;|$)/i.test(type.trim())

const versionOf = (body: string): number => Number.parseInt(hash('sha256', body, 'hex').slice(0, 12), 16)
