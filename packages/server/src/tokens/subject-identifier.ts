/**
 * Subject identifiers (OpenID Connect Core 1.0 §8): the `sub` that a client is told of a user. Inside this server a user
 * has one `sub`, and a session one `sid`; every token and answer that leaves it says those of its client, and this is
 * the only place that knows how.
 */

import { createHmac } from 'node:crypto'
import type { Client } from '../model/client.ts'
import type { DerivedKeys } from '../model/keys.ts'
import { type SectorMember, sectorOf } from '../model/redirect.ts'

/** What of a client decides. */
type SubjectAudience = SectorMember & Pick<Client, 'subject_type'>

export type SubjectIdentifiers = {
  /** `pairwise`: another one for each sector, from which nobody else can tell the user (§8.1). */
  readonly subjectFor: (client: SubjectAudience, sub: string) => string
  /** The `sid` of a session: of its sector too, or two clients would find the same user by the same session. */
  readonly sessionIdFor: <Sid extends string | undefined>(client: SubjectAudience, sid: Sid) => Sid | string
}

export function createSubjectIdentifiers({ derived }: { derived: DerivedKeys }): SubjectIdentifiers {
  const subjects = derived.derive('pairwise-subject')
  const sessions = derived.derive('pairwise-session')
  // A host holds no line end, so no two pairs read the same.
  const pair = (key: Uint8Array, client: SubjectAudience, text: string): string =>
    createHmac('sha256', key)
      .update(`${sectorOf(client)}\n${text}`)
      .digest('base64url')

  return {
    subjectFor: (client, sub) => (client.subject_type === 'public' ? sub : pair(subjects, client, sub)),
    sessionIdFor: (client, sid) =>
      client.subject_type === 'public' || sid === undefined ? sid : pair(sessions, client, sid),
  }
}
