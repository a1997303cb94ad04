/** How often a client that registered itself may authenticate by an assertion: each one's id is kept until it ends (RFC 7523 §3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { CountAttempt, Counted } from './attempts.ts'

/** Counts one more. The result takes it back, or says how long to wait where there were too many. */
export type CountAssertion = (clientId: string) => Promise<Counted>

/** As long as an id is kept. */
const span: Seconds = 660
/** Four a second. */
const most = 2640

export const createAssertionCounter =
  ({
    countAttempt,
    isConfigured,
  }: {
    readonly countAttempt: CountAttempt
    /** Whether the configuration names a client. */
    readonly isConfigured: (clientId: string) => boolean
  }): CountAssertion =>
  async clientId => {
    if (isConfigured(clientId)) return { ok: true, forgive: async () => {} }
    return countAttempt([{ key: `client assertion of ${clientId}`, most, span }])
  }
