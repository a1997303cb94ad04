/** `response_type` (RFC 6749 §3.1.1, OAuth 2.0 Multiple Response Type Encoding Practices §3, §5). */

/**
 * The supported response types, spelled as in discovery. `token` alone is not supported, because nothing binds its
 * access token to the request (RFC 9700 §2.1.2).
 */
export const responseTypes = [
  'code',
  'id_token',
  'id_token token',
  'code id_token',
  'code token',
  'code id_token token',
] as const
export type ResponseType = (typeof responseTypes)[number]

/** A value that the authorization endpoint returns. */
export type ResponsePart = 'code' | 'id_token' | 'token'

const wordsOf = (text: string): readonly string[] => text.split(' ').filter(word => word !== '')

/** Returns the response type with these words in any order (RFC 6749 §3.1.1), or undefined if it is not supported. */
export function parseResponseType(text: string): ResponseType | undefined {
  const words = wordsOf(text)
  return responseTypes.find(type => {
    const parts: readonly string[] = wordsOf(type)
    return parts.length === words.length && parts.every(part => words.includes(part))
  })
}

export const brings = (type: ResponseType, part: ResponsePart): boolean => wordsOf(type).includes(part)

/**
 * Returns whether the response would contain a token, which must not be sent in a query (Multiple Response Types §3,
 * §5). Accepts unsupported response types.
 */
export const bringsToken = (text: string): boolean =>
  wordsOf(text).some(word => word === 'token' || word === 'id_token')
