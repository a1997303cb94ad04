/**
 * Subject identifiers (OpenID Connect Core 1.0 §8): the `sub` that a client is told of a user. Inside this server a user
 * has one `sub`; every token and answer that leaves it says the one of its client, and this is the only place that knows how.
 */

import { createHmac } from 'node:crypto'
import type { Client } from '../core/client.ts'
import type { DerivedKeys } from '../core/keys.ts'

/** What of a client decides. */
export type SubjectAudience = Pick<
  Client,
  'client_id' | 'subject_type' | 'sector_identifier_uri' | 'redirect_uris'
>

export type SubjectIdentifiers = {
  /** `pairwise`: another one for each sector, from which nobody else can tell the user (§8.1). */
  readonly tell: (client: SubjectAudience, sub: string) => string
}

export function createSubjectIdentifiers({ derived }: { derived: DerivedKeys }): SubjectIdentifiers {
  const key = derived.derive('pairwise-subject')
  return {
    tell: (client, sub) =>
      client.subject_type === 'public'
        ? sub
        : // A host holds no line end, so no two pairs read the same.
          createHmac('sha256', key)
            .update(`${sectorOf(client)}\n${sub}`)
            .digest('base64url'),
  }
}

/** The host that clients with the same identifiers share (§8.1); one without a host is a sector of its own. */
function sectorOf({ client_id, sector_identifier_uri, redirect_uris }: SubjectAudience): string {
  const uri = sector_identifier_uri ?? redirect_uris[0]
  return (uri !== undefined && new URL(uri).hostname) || `client ${client_id}`
}
