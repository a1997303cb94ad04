/**
 * Limits the number of unused authorization codes per user (RFC 6749 §4.1.2), because any GET of a signed-in browser
 * creates one. The oldest codes are discarded, because legitimate clients redeem theirs within seconds, however many
 * tabs are open. Each process counts by itself, so that counting needs no writes
 * (docs/decisions/0021-pending-codes-per-user.md).
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Authorization, AuthorizationCode } from '../../model/authorization.ts'
import type { AuthorizationCodes } from '../../model/ports/stores.ts'
import type { Clock, TokenHash } from '../../runtime/ports.ts'

/** Counts a new code, and resolves when surplus codes have been discarded. */
export type NoteWaitingCode = (
  authorization: Pick<Authorization, 'sub' | 'client_id'>,
  code: Pick<AuthorizationCode, 'hash' | 'expires_at'>,
) => Promise<void>

type Waiting = { readonly client_id: string; readonly hash: TokenHash; readonly expires_at: Seconds }

const mostAtClient = 100
const mostOfUser = 500
/**
 * The maximum number of codes that are tracked. Beyond that, the codes of the user who signed in least recently are no
 * longer tracked.
 */
const capacity = 50_000

export function createWaitingCodes({
  codes,
  clock,
}: {
  readonly codes: Pick<AuthorizationCodes, 'discard'>
  readonly clock: Clock
}): NoteWaitingCode {
  const ofUsers = new Map<string, Waiting[]>()
  let remembered = 0

  return async ({ sub, client_id }, { hash, expires_at }) => {
    const now = clock.now()
    const before = ofUsers.get(sub) ?? []
    const waiting = [...before.filter(code => code.expires_at > now), { client_id, hash, expires_at }]
    const surplus = surplusOf(waiting, client_id)
    if (surplus) waiting.splice(waiting.indexOf(surplus), 1)
    remembered += waiting.length - before.length
    ofUsers.delete(sub)
    ofUsers.set(sub, waiting)
    forgetSome()
    // A code that was redeemed in the meantime is not changed.
    if (surplus) await codes.discard(surplus.hash)
  }

  function forgetSome(): void {
    for (const [sub, { length }] of ofUsers) {
      if (remembered <= capacity) return
      ofUsers.delete(sub)
      remembered -= length
    }
  }
}

/** Each call adds one code, so there is at most one surplus code. */
function surplusOf(waiting: readonly Waiting[], client_id: string): Waiting | undefined {
  const atClient = waiting.filter(code => code.client_id === client_id)
  if (atClient.length > mostAtClient) return atClient[0]
  return waiting.length > mostOfUser ? waiting[0] : undefined
}
