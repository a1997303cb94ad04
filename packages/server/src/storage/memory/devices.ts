/** Device authorizations in memory (RFC 8628). */

import type { Seconds } from '@tessera/protocol/brand'
import type { DeviceAuthorization } from '../../model/authorization.ts'
import type { DeviceAuthorizations } from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { requireNew, type Tables } from './tables.ts'

/** RFC 8628 §3.5: by how much each `slow_down` lengthens the interval. */
const slowDownBy: Seconds = 5

export function createDevices({
  authorizations,
  devices,
  userCodes,
  sessionClients,
}: Tables): DeviceAuthorizations {
  const byUserCode = (hash: TokenHash): DeviceAuthorization | undefined => {
    const device = userCodes.get(hash)
    return device && devices.get(device)
  }
  const pending = (hash: TokenHash, at: Seconds): DeviceAuthorization | undefined => {
    const device = byUserCode(hash)
    return device?.status === 'pending' && device.expires_at > at ? device : undefined
  }

  return {
    async issue(device) {
      if (userCodes.has(device.user_code_hash)) return false
      requireNew(devices, device.hash)
      devices.set(device.hash, device)
      userCodes.set(device.user_code_hash, device.hash)
      return true
    },
    find(hash) {
      const device = devices.get(hash)
      if (!device) return undefined
      const authorization = device.authorization_id && authorizations.get(device.authorization_id)
      return authorization ? { device, authorization } : { device }
    },
    findByUserCode: byUserCode,
    async polled(hash, at, slowDown) {
      const device = devices.get(hash)
      if (!device) return
      const change = slowDown ? { interval: device.interval + slowDownBy } : { last_polled_at: at }
      devices.set(hash, { ...device, ...change })
    },
    async approve(userCodeHash, authorization, at, sid) {
      const device = pending(userCodeHash, at)
      if (!device || !sessionClients.has(sid)) return false
      requireNew(authorizations, authorization.id)
      authorizations.set(authorization.id, authorization)
      devices.set(device.hash, { ...device, status: 'approved', authorization_id: authorization.id })
      return true
    },
    async deny(userCodeHash, at) {
      const device = pending(userCodeHash, at)
      if (!device) return false
      devices.set(device.hash, { ...device, status: 'denied' })
      return true
    },
  }
}
