/** Authorizations, and the codes, families and tokens that belong to them, in memory. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Authorization, DeviceAuthorization, GivenAccess } from '../../model/authorization.ts'
import type {
  AuthorizationCodes,
  AuthorizationStores,
  Authorizations,
  DeviceAuthorizations,
} from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import type { Tables } from './tables.ts'

export function createAuthorizationStores(tables: Tables): AuthorizationStores {
  const { authorizations, families, referenceTokens, revokedTokens, usedAssertions, pushedRequests } = tables
  return {
    authorizations: createAuthorizations(tables),
    codes: createCodes(tables),
    devices: createDevices(tables),
    families: {
      find(id) {
        const family = families.get(id)
        const authorization = family && authorizations.get(family.authorization_id)
        return authorization && { family, authorization }
      },
    },
    referenceTokens: {
      find: hash => referenceTokens.get(hash),
      async revoke(hash) {
        referenceTokens.delete(hash)
      },
      async trim(authorization, keep, most) {
        const surplus = referenceTokens
          .filter(token => token.authorization_id === authorization)
          .toSorted((one, other) => other.expires_at - one.expires_at)
          .slice(keep, keep + most)
        for (const { hash } of surplus) referenceTokens.delete(hash)
        return surplus.length
      },
    },
    revokedTokens: {
      has: jti => revokedTokens.has(jti),
      async add(jti, expiresAt) {
        revokedTokens.put({ jti, expires_at: expiresAt })
      },
    },
    usedAssertions: {
      async add(assertion) {
        if (usedAssertions.has(assertion.hash)) return false
        usedAssertions.put(assertion)
        return true
      },
      has: hash => usedAssertions.has(hash),
      async prolong({ hash, expires_at }) {
        const before = usedAssertions.get(hash)?.expires_at ?? 0
        usedAssertions.put({ hash, expires_at: Math.max(expires_at, before + 1) })
      },
      until: hash => usedAssertions.get(hash)?.expires_at,
    },
    pushedRequests: {
      async add(request, use) {
        if (use && usedAssertions.has(use.hash)) return false
        pushedRequests.insert(request)
        if (use) usedAssertions.put(use)
        return true
      },
      find(hash, clientId, at) {
        const request = pushedRequests.get(hash)
        if (request?.client_id !== clientId || request.expires_at <= at) return undefined
        return { parameters: request.parameters, used: usedAssertions.has(hash) }
      },
    },
  }
}

const createAuthorizations = ({
  authorizations,
  codes,
  families,
  referenceTokens,
}: Tables): Authorizations => ({
  find: id => authorizations.get(id),
  async revoke(id, at) {
    const found = authorizations.get(id)
    if (!found || found.revoked_at !== undefined) return false
    authorizations.put({ ...found, revoked_at: at })
    return true
  },
  accessOf(sub, at, { after = '', limit }) {
    const active = authorizations.filter(
      one => one.sub === sub && one.revoked_at === undefined && one.expires_at > at && one.client_id > after,
    )
    const clients = new Set([...new Set(active.map(one => one.client_id))].toSorted().slice(0, limit))
    const listed = active.filter(one => clients.has(one.client_id))
    const groups = Map.groupBy(listed, ({ client_id, tenant, sign_in_tenant, scope, resources }) =>
      JSON.stringify([client_id, tenant, sign_in_tenant, scope, resources]),
    )
    return [...groups.values()]
      .map(group => accessOf(group, families))
      .toSorted((one, other) => (one.client_id < other.client_id ? -1 : 1))
  },
  async trim(sub, keep, most) {
    const waiting = new Set(
      codes.filter(code => code.used_at === undefined).map(code => code.authorization_id),
    )
    const surplus = authorizations
      .filter(authorization => authorization.sub === sub)
      .toSorted((one, other) => other.expires_at - one.expires_at || (one.id < other.id ? 1 : -1))
      .slice(keep, keep + most)
      .filter(({ id }) => !waiting.has(id))
    const ids = new Set(surplus.map(({ id }) => id))
    codes.deleteWhere(code => ids.has(code.authorization_id))
    families.deleteWhere(family => ids.has(family.authorization_id))
    referenceTokens.deleteWhere(
      token => token.authorization_id !== undefined && ids.has(token.authorization_id),
    )
    return authorizations.deleteWhere(({ id }) => ids.has(id))
  },
})

function accessOf(group: readonly Authorization[], families: Tables['families']): GivenAccess {
  const { client_id, tenant, sign_in_tenant, scope, resources } = group[0]!
  const created = group.map(({ created_at }) => created_at)
  const ids = new Set(group.map(({ id }) => id))
  const refreshed = families.filter(({ authorization_id }) => ids.has(authorization_id))
  return {
    client_id,
    ...(tenant !== undefined && { tenant }),
    ...(sign_in_tenant !== undefined && { sign_in_tenant }),
    scope,
    resources,
    since: Math.min(...created),
    created_at: Math.max(...created),
    used_at: Math.max(...created, ...refreshed.map(({ rotated_at }) => rotated_at)),
  }
}

// RFC 6749 §4.1.2.
const createCodes = ({
  authorizations,
  codes,
  referenceTokens,
  usedAssertions,
}: Tables): AuthorizationCodes => ({
  async issue(authorization, code, { referenceToken, use } = {}) {
    if (use && usedAssertions.has(use.hash)) return false
    authorizations.requireNew(authorization)
    codes.requireNew(code)
    if (referenceToken) referenceTokens.requireNew(referenceToken)
    authorizations.put(authorization)
    codes.put(code)
    if (referenceToken) referenceTokens.put(referenceToken)
    if (use) usedAssertions.put(use)
    return true
  },
  find(hash) {
    const code = codes.get(hash)
    const authorization = code && authorizations.get(code.authorization_id)
    return authorization && { code, authorization }
  },
  async burn(hash, at) {
    const code = codes.get(hash)
    if (!code || code.used_at !== undefined) return false
    codes.put({ ...code, used_at: at })
    return true
  },
  async discard(hash) {
    const code = codes.get(hash)
    if (!code || code.used_at !== undefined) return
    codes.delete(hash)
    const authorization = authorizations.get(code.authorization_id)
    if (authorization && authorization.expires_at <= code.expires_at) authorizations.delete(authorization.id)
  },
})

/** RFC 8628 §3.5: the increase of the interval for each `slow_down`. */
const slowDownBy: Seconds = 5

function createDevices({ authorizations, devices, families, sessions }: Tables): DeviceAuthorizations {
  const byUserCode = (hash: TokenHash): DeviceAuthorization | undefined => devices.by('user_code_hash', hash)
  const pending = (hash: TokenHash, at: Seconds): DeviceAuthorization | undefined => {
    const device = byUserCode(hash)
    return device?.status === 'pending' && device.expires_at > at ? device : undefined
  }

  return {
    async issue(device) {
      if (byUserCode(device.user_code_hash)) return false
      devices.insert(device)
      return true
    },
    find(hash) {
      const device = devices.get(hash)
      if (!device) return undefined
      const { authorization_id, used_at } = device
      const authorization = authorization_id && authorizations.get(authorization_id)
      if (!authorization) return { device }
      const [family] =
        used_at === undefined ? [] : families.filter(one => one.authorization_id === authorization_id)
      return family ? { device, authorization, family } : { device, authorization }
    },
    findByUserCode: byUserCode,
    async recordPoll(hash, at, slowDown) {
      const device = devices.get(hash)
      if (!device) return
      const change = slowDown ? { interval: device.interval + slowDownBy } : { last_polled_at: at }
      devices.put({ ...device, ...change })
    },
    async approve(userCodeHash, authorization, at, sid) {
      const device = pending(userCodeHash, at)
      if (!device || !sessions.by('sid', sid)) return false
      authorizations.insert(authorization)
      devices.put({ ...device, status: 'approved', authorization_id: authorization.id })
      return true
    },
    async deny(userCodeHash, at) {
      const device = pending(userCodeHash, at)
      if (!device) return false
      devices.put({ ...device, status: 'denied' })
      return true
    },
  }
}
