/** Documents in memory, bounded in number and bytes. The least recently used ones are dropped first. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Client } from '../../model/client.ts'
import type { Freshness } from './freshness.ts'

/** A valid document. Nothing else is kept. */
export type KeptDocument = {
  readonly client: Client
  readonly bytes: number
  /** When its host last confirmed it. */
  readonly confirmed_at: Seconds
  /** Seconds after `confirmed_at`. */
  readonly fresh_for: Seconds
  readonly staleAllowed: Freshness['staleAllowed']
  /** For revalidation (RFC 9110 §13.1). */
  readonly etag?: string | undefined
  readonly last_modified?: string | undefined
}

export type DocumentMemory = {
  readonly find: (clientId: string) => KeptDocument | undefined
  readonly keep: (clientId: string, document: KeptDocument) => void
  readonly drop: (clientId: string) => void
}

type Bounds = { readonly entries: number; readonly bytes: number }

/** With the parsed client, an entry takes a few times as much memory as its document. */
const defaults: Bounds = { entries: 2000, bytes: 2_097_152 }

export function createDocumentMemory({ entries, bytes }: Bounds = defaults): DocumentMemory {
  const kept = new Map<string, KeptDocument>()
  let size = 0

  function drop(clientId: string): void {
    size -= kept.get(clientId)?.bytes ?? 0
    kept.delete(clientId)
  }

  return {
    find(clientId) {
      const found = kept.get(clientId)
      if (found) {
        kept.delete(clientId)
        kept.set(clientId, found)
      }
      return found
    },
    keep(clientId, document) {
      drop(clientId)
      kept.set(clientId, document)
      size += document.bytes
      while (kept.size > entries || size > bytes) {
        const [oldest] = kept.keys()
        if (oldest === undefined) return
        drop(oldest)
      }
    },
    drop,
  }
}
