/** Random values and code challenges of authorization requests (RFC 7636 §4.1, §4.2). */

import { encodeBase64url } from '../jwt/base64url.ts'
import { sha256 } from '../jwt/sha256.ts'

/** Returns 256 random bits as 43 characters, which is also a valid `code_verifier` (RFC 7636 §4.1). */
export const randomText = (): string => encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))

/** Returns the `code_challenge` of a verifier by the method `S256` (RFC 7636 §4.2). */
export const codeChallenge = (code_verifier: string): Promise<string> => sha256(code_verifier)
