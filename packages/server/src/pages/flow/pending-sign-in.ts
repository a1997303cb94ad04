/** A sign-in that lacks its second factor, bound to the browser by a separate cookie. It is not a session: no other endpoint reads it. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import type { AccessEndings } from '../../identity/access-endings.ts'
import type { PendingSignIn } from '../../model/factor.ts'
import { handleShape, hashHandle, newHandle } from '../../model/handle.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { CheckedSubject } from '../../model/user.ts'
import type { Clock, Random } from '../../runtime/ports.ts'
import type { Cookies } from './cookies.ts'

export type PendingSignIns = {
  readonly read: (request: HttpRequest) => Promise<PendingSignIn | undefined>
  /** Replaces the browser's earlier one. Resolves to the `Set-Cookie` value, or to undefined if the user's access was ended in the meantime. */
  readonly start: (
    request: HttpRequest,
    subject: CheckedSubject,
    tenant: string | undefined,
  ) => Promise<string | undefined>
  /**
   * Ends the pending sign-in. Resolves to whether this call did so, and the `Set-Cookie` value that removes the cookie.
   */
  readonly take: (request: HttpRequest) => Promise<{ readonly taken: boolean; readonly cookie: string }>
}

type PendingSignInPorts = {
  readonly stores: Pick<Stores, 'pendingSignIns'>
  readonly accessEndings: Pick<AccessEndings, 'isOvertaken'>
  readonly cookies: Cookies
  readonly clock: Clock
  readonly random: Random
}

const cookieName = 'tessera_pending'
const lifetime: Seconds = 600
const wellFormed = handleShape('tp')

export function createPendingSignIns({
  stores: { pendingSignIns },
  accessEndings,
  cookies,
  clock,
  random,
}: PendingSignInPorts): PendingSignIns {
  const hashOf = (request: HttpRequest) => {
    const handle = cookies.read(request, cookieName)
    return handle !== undefined && wellFormed.test(handle) ? hashHandle(handle) : undefined
  }

  return {
    async read(request) {
      const hash = hashOf(request)
      const pending = hash && (await pendingSignIns.find(hash))
      return pending && pending.expires_at > clock.now() ? pending : undefined
    },
    async start(request, subject, tenant) {
      const { tenant: _, ending: __, ...how } = subject
      const earlier = hashOf(request)
      const handle = newHandle(random, 'tp')
      const hash = hashHandle(handle)
      const now = clock.now()
      const created = await pendingSignIns.create({
        ...how,
        hash,
        // The tenant in which the user signed in, as in a session.
        ...(tenant !== undefined && { tenant }),
        created_at: now,
        expires_at: now + lifetime,
      })
      if (!created) return undefined
      if (await accessEndings.isOvertaken(subject)) {
        await pendingSignIns.take(hash)
        return undefined
      }
      if (earlier) await pendingSignIns.take(earlier)
      return cookies.write(cookieName, handle)
    },
    async take(request) {
      const hash = hashOf(request)
      return {
        taken: hash !== undefined && (await pendingSignIns.take(hash)),
        cookie: cookies.clear(cookieName),
      }
    },
  }
}
