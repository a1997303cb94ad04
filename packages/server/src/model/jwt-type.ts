/** The `typ` of a JWT that somebody else made (RFC 7515 §4.1.9). */

/** Returns it in lower case and without `application/`; `jwt` where it is omitted, undefined for what is no text. */
export const jwtType = (typ: unknown): string | undefined => {
  if (typ === undefined) return 'jwt'
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined
}
