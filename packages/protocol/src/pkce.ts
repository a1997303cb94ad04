/** Proof Key for Code Exchange (RFC 7636). */

export const codeChallengeMethods = ['S256', 'plain'] as const
export type CodeChallengeMethod = (typeof codeChallengeMethods)[number]

// RFC 7636 §4.1, §4.2: 43 to 128 unreserved characters.
const unreserved = /^[A-Za-z0-9._~-]{43,128}$/

/** Returns whether the value is a valid `code_verifier` or `code_challenge` (RFC 7636 §4.1, §4.2). */
export const isCodeVerifier = (value: string): boolean => unreserved.test(value)

/**
 * Returns the challenge of a verifier (RFC 7636 §4.6). The caller compares it in constant time.
 * @param sha256 returns the SHA-256 of ASCII text in base64url without padding.
 */
export const codeChallengeOf = (
  verifier: string,
  method: CodeChallengeMethod,
  sha256: (text: string) => string,
): string => (method === 'S256' ? sha256(verifier) : verifier)
