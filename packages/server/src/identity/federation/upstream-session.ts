/** What ends a session at the provider that it came from (OpenID Connect RP-Initiated Logout 1.0 §2, Back-Channel Logout 1.0 §2.7). */

import type { Seconds } from '@tessera/protocol/brand'
import { newTimedId } from '../../model/handle.ts'
import type { Sealing } from '../../model/keys.ts'
import type { UpstreamSessions } from '../../model/ports/stores.ts'
import type { Clock, Random } from '../../runtime/ports.ts'
import { type ExternalIdentity, identityKey } from '../external-identity.ts'
import type { UpstreamUser } from './upstream.ts'

/** Answers what the session here is to be marked with. */
export type KeepUpstreamSession = (
  identity: ExternalIdentity,
  user: Pick<UpstreamUser, 'id_token' | 'sid'>,
) => Promise<string>

/** As long as any session here can last. */
const lifetime: Seconds = 90 * 86_400

export const createUpstreamSessionKeeper =
  ({
    upstreamSessions,
    sealing,
    random,
    clock,
  }: {
    upstreamSessions: UpstreamSessions
    sealing: Sealing
    random: Random
    clock: Clock
  }): KeepUpstreamSession =>
  async (identity, { id_token, sid }) => {
    const id = newTimedId(random)
    await upstreamSessions.create({
      id,
      provider: identity.provider.name,
      identity: identityKey(identity),
      ...(sid !== undefined && { upstream_sid: sid }),
      id_token: sealing.seal(id_token, id),
      expires_at: clock.now() + lifetime,
    })
    return id
  }
