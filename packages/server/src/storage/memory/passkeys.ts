/** Passkeys in memory. */

import type { Passkeys } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export function createPasskeys({ passkeys }: Tables): Passkeys {
  const owned = (sub: string, id: string) => {
    const passkey = passkeys.get(id)
    return passkey?.sub === sub ? passkey : undefined
  }
  const of = (sub: string) => [...passkeys.values()].filter(passkey => passkey.sub === sub)

  return {
    find: id => passkeys.get(id),
    of,
    async add(passkey, most) {
      if (passkeys.has(passkey.id) || of(passkey.sub).length >= most) return false
      passkeys.set(passkey.id, passkey)
      return true
    },
    async rename(sub, id, name) {
      const passkey = owned(sub, id)
      if (passkey) passkeys.set(id, { ...passkey, name })
      return passkey !== undefined
    },
    async use(id, { counter, backed_up, at }) {
      const passkey = passkeys.get(id)
      if (!passkey) return false
      if (counter <= passkey.counter && (counter > 0 || passkey.counter > 0)) return false
      passkeys.set(id, { ...passkey, counter, backed_up, last_used_at: at })
      return true
    },
  }
}
