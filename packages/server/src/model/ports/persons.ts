/** The port to everything that is stored about one person: to read it, and to delete it in one write. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable, TokenHash } from '../../runtime/ports.ts'
import type { WaitingMail } from '../mail.ts'
import type { WebhookMessage } from '../webhook.ts'
import type { AccessEnding, EndedSession, Messages } from './sessions.ts'

/** Rows that only the caller can attribute to a person, because they are sealed or keyed hashes. */
export type AttributedRows = {
  /** Ids of waiting mails. */
  readonly mails: readonly string[]
  /** Ids of events in waiting webhook messages. */
  readonly events: readonly string[]
  /** Counters of attempts. */
  readonly counters: readonly TokenHash[]
}

/**
 * Rows by the section of an export. Times are in ISO 8601. A row's `withheld` lists its columns with secrets, which are
 * not shown.
 */
export type PersonRows = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>

/**
 * A deletion whose end is awaited: requests that began before it may still write rows of the person, which are deleted
 * until `finish_at`.
 */
export type Erasure = {
  readonly sub: string
  readonly erased_at: Seconds
  readonly finish_at: Seconds
  /** When the person first signed in again. Stored with the session, and kept when it ends. */
  readonly returned_at?: Seconds
}

export type ErasureOptions = {
  readonly ending: AccessEnding
  readonly attributed: AttributedRows
  readonly erasure: Erasure
  /** Whether nothing is written unless there is a stored user with the `sub`. */
  readonly stored: boolean
}

export type Persons = {
  /** Returns all rows of the person as of one moment. Sections without rows are omitted. */
  readonly rows: (sub: string, attributed: AttributedRows) => Awaitable<PersonRows>
  /**
   * In one write, ends the person's access, deletes all their rows in every table, and stores the erasure. The `sub` of a stored user
   * stays disabled forever. Returns undefined if `stored` and there is no such user.
   */
  readonly erase: (
    sub: string,
    options: ErasureOptions,
    messages?: Messages,
  ) => Promise<readonly EndedSession[] | undefined>
  /** Returns the erasures that are not finished. */
  readonly erasures: () => Awaitable<readonly Erasure[]>
  readonly finish: (sub: string) => Promise<void>
  /** Returns at most `most` waiting mails in the order of their ids, starting after `after`. */
  readonly mails: (after: string, most: number) => Awaitable<readonly WaitingMail[]>
  /** Returns at most `most` waiting webhook messages in the order of their ids and endpoints, starting after these. */
  readonly messages: (
    after: Pick<WebhookMessage, 'event_id' | 'endpoint'>,
    most: number,
  ) => Awaitable<readonly WebhookMessage[]>
}

export type PersonStores = { readonly persons: Persons }
