/**
 * How often a client that registered itself may authenticate by an assertion: each one's id is kept until the assertion
 * ends (RFC 7523 §3), so the number of ids that one client can have stored is bounded.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { CountAttempt, Counted } from './attempts.ts'

/**
 * Counts one more, whose id is kept for so many seconds. The result takes it back, or says how long to wait where there
 * were too many.
 */
export type CountAssertion = (clientId: string, kept: Seconds) => Promise<Counted>

/** Of each kind, in the time for which its ids are kept at most. */
const most = 2640

/** Four a second for assertions of up to ten minutes, which most clients send. */
const brief: Seconds = 960

export const createAssertionCounter =
  ({
    countAttempt,
    isConfigured,
    longest,
  }: {
    readonly countAttempt: CountAttempt
    /** Whether the configuration names a client. */
    readonly isConfigured: (clientId: string) => boolean
    /** For how long any id is kept at most. */
    readonly longest: Seconds
  }): CountAssertion =>
  async (clientId, kept) => {
    if (isConfigured(clientId)) return { ok: true, forgive: async () => {} }
    // Apart: long-lived assertions must not use up the room of short ones, nor be counted for a shorter time than they are kept.
    return countAttempt([
      kept <= brief
        ? { key: `client assertion of ${clientId}`, most, span: 660 }
        : { key: `long client assertion of ${clientId}`, most, span: longest },
    ])
  }
