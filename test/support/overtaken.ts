/** Ends a user's access between the checks of a request and its write. */

import assert from 'node:assert/strict'
import type { TestServer } from './tessera.ts'

/** The new password of {@link endings}. */
export const better = 'eleven green bottles'

/** Events that end a user's access. */
export const endings = {
  'a new password': async ({ accounts }: TestServer, sub: string) => {
    const user = await accounts.find(sub)
    assert.ok(user && (await accounts.setPassword(user, better)).ok)
  },
  'their end': async ({ accounts }: TestServer, sub: string) => {
    assert.ok((await accounts.setActive(sub, false)).ok)
    // Even if they are enabled again before the sign-in continues.
    assert.ok((await accounts.setActive(sub, true)).ok)
  },
  'their removal': async ({ accounts }: TestServer, sub: string) => {
    assert.ok((await accounts.remove(sub)).ok)
  },
}

/**
 * The store does this first, when it is about to write a session, a pending sign-in, tokens or a device's approval:
 * all checks are done by then.
 */
export function beforeWriting({ stores }: TestServer, act: () => Promise<void>): () => boolean {
  let acted = false
  const first = async () => {
    if (acted) return
    acted = true
    await act()
  }
  const { sessions, pendingSignIns, devices, commit } = stores
  const [create, renew, wait] = [sessions.create, sessions.renew, pendingSignIns.create]
  const { approve } = devices
  Object.assign(sessions, {
    create: async (...given: Parameters<typeof create>) => first().then(() => create(...given)),
    renew: async (...given: Parameters<typeof renew>) => first().then(() => renew(...given)),
  })
  Object.assign(devices, {
    approve: async (...given: Parameters<typeof approve>) => first().then(() => approve(...given)),
  })
  Object.assign(stores, {
    commit: async (...given: Parameters<typeof commit>) => first().then(() => commit(...given)),
  })
  Object.assign(pendingSignIns, {
    create: async (...given: Parameters<typeof wait>) => first().then(() => wait(...given)),
  })
  return () => acted
}
