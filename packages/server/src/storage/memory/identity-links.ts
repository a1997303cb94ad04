/** Links between users of providers and users here, in memory. */

import type { IdentityLinks } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

const keyOf = (provider: string, identity: string): string => JSON.stringify([provider, identity])

export const createIdentityLinks = ({ identityLinks }: Tables): IdentityLinks => ({
  find: (provider, identity) => identityLinks.get(keyOf(provider, identity)),
  ofUser: sub => [...identityLinks.values()].filter(link => link.sub === sub),
  async add(link) {
    const key = keyOf(link.provider, link.identity)
    if (identityLinks.has(key)) return false
    identityLinks.set(key, link)
    return true
  },
  async remove(provider, identity, sub) {
    const key = keyOf(provider, identity)
    return identityLinks.get(key)?.sub === sub && identityLinks.delete(key)
  },
})
