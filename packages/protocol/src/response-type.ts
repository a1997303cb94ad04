/** `response_type` (RFC 6749 §3.1.1, OAuth 2.0 Multiple Response Type Encoding Practices §3, §5). */

/**
 * Never `token` alone, whose access token nothing binds to the request (RFC 9700 §2.1.2), and never `none`.
 * A discovery document lists them as they are written here.
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

/** What a response type brings from the authorization endpoint. */
export type ResponsePart = 'code' | 'id_token' | 'token'

const wordsOf = (text: string): readonly string[] => text.split(' ').filter(word => word !== '')

/** The response type that these words mean, in any order (RFC 6749 §3.1.1); undefined for one that is not served. */
export function parseResponseType(text: string): ResponseType | undefined {
  const words = wordsOf(text)
  return responseTypes.find(type => {
    const parts: readonly string[] = wordsOf(type)
    return parts.length === words.length && parts.every(part => words.includes(part))
  })
}

export const brings = (type: ResponseType, part: ResponsePart): boolean => wordsOf(type).includes(part)

/** Whether the answer would hold a token: such an answer never stands in a query (Multiple Response Types §3, §5). Also for types that are not served. */
export const bringsToken = (text: string): boolean =>
  wordsOf(text).some(word => word === 'token' || word === 'id_token')
