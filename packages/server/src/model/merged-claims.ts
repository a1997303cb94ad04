/** Claims about one user from two documents. */

type Claims = Readonly<Record<string, unknown>>

/** Claims that say something about the value of another one (OpenID Connect Core 1.0 §5.1). */
const verifications = [
  ['email', 'email_verified'],
  ['phone_number', 'phone_number_verified'],
] as const

/**
 * Returns the claims of both; those of `preferred` win. A verification belongs to the value in its own document: an
 * address of one is not verified because the other contains a verified address.
 */
export function mergeClaims<Merged extends Claims>(others: Claims, preferred: Merged): Claims & Merged {
  const merged: Record<string, unknown> = { ...others, ...preferred }
  for (const [value, verified] of verifications) {
    const document = preferred[value] === undefined ? others : preferred
    const isSame = others[value] === merged[value]
    const found = document[verified] ?? (isSame ? others[verified] : undefined)
    if (found !== undefined) merged[verified] = found
    else if (verified in merged) delete merged[verified]
  }
  return merged as Claims & Merged
}
