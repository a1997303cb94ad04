/** Authorization codes in memory (RFC 6749 §4.1.2). */

import type { AuthorizationCodes } from '../../model/ports/stores.ts'
import { requireNew, type Tables } from './tables.ts'

export const createCodes = ({
  authorizations,
  codes,
  referenceTokens,
  usedAssertions,
}: Tables): AuthorizationCodes => ({
  async issue(authorization, code, { referenceToken, use } = {}) {
    if (use && usedAssertions.has(use.hash)) return false
    requireNew(authorizations, authorization.id)
    requireNew(codes, code.hash)
    if (referenceToken) requireNew(referenceTokens, referenceToken.hash)
    authorizations.set(authorization.id, authorization)
    codes.set(code.hash, code)
    if (referenceToken) referenceTokens.set(referenceToken.hash, referenceToken)
    if (use) usedAssertions.set(use.hash, use)
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
    codes.set(hash, { ...code, used_at: at })
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
