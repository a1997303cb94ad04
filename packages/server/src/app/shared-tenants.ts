/** Tenants' stores that two editions may have open at once: one is closed when the last of them gives it back. */

import type { Storehouse } from '../model/ports/stores.ts'

export function shareTenants(storehouse: Storehouse): Storehouse {
  const holders = new Map<string, number>()
  /** Answers whether nobody else has it. */
  const giveBack = (name: string): boolean => {
    const left = (holders.get(name) ?? 1) - 1
    if (left > 0) holders.set(name, left)
    else holders.delete(name)
    return left === 0
  }
  return {
    ...storehouse,
    async ofTenant(name) {
      holders.set(name, (holders.get(name) ?? 0) + 1)
      try {
        const stores = await storehouse.ofTenant(name)
        let held = true
        return {
          ...stores,
          async close() {
            const last = held && giveBack(name)
            held = false
            if (last) await stores.close()
          },
        }
      } catch (error) {
        giveBack(name)
        throw error
      }
    },
  }
}
