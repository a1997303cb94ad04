/**
 * Subject identifiers (OpenID Connect Core 1.0 §8). A user has one internal `sub`, and a session one `sid`. This is the
 * only place that maps them to what each client sees.
 */

import { createHmac } from 'node:crypto'
import type { Client } from '../model/client.ts'
import type { DerivedKeys } from '../model/keys.ts'
import { type SectorMember, sectorOf } from '../model/redirect.ts'

/** The client properties that determine the identifiers. */
type SubjectAudience = SectorMember & Pick<Client, 'subject_type'>

export type SubjectIdentifiers = {
  /**
   * Returns the user's `sub` for a client. A pairwise one is different for each sector and can't be reversed (§8.1).
   */
  readonly subjectFor: (client: SubjectAudience, sub: string) => string
  /**
   * Returns the session's `sid` for a client. It is pairwise too, or two clients could correlate users by their
   * sessions.
   */
  readonly sessionIdFor: <Sid extends string | undefined>(client: SubjectAudience, sid: Sid) => Sid | string
}

export function createSubjectIdentifiers({ derived }: { derived: DerivedKeys }): SubjectIdentifiers {
  const subjects = derived.permanent('pairwise-subject')
  const sessions = derived.permanent('pairwise-session')
  // Hosts contain no line end, so the input is unambiguous.
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
