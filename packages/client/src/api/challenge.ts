/** The `WWW-Authenticate` header (RFC 6750 §3, RFC 9110 §11.6.1). */

/** Returns a challenge. Parameters that are undefined are omitted. */
export function challenge(scheme: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const list = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${quoted(value)}`],
  )
  return list.length === 0 ? scheme : `${scheme} ${list.join(', ')}`
}

/** Returns a quoted string (RFC 9110 §5.6.4). Line breaks and everything else outside ASCII become `?`. */
const quoted = (text: string): string =>
  `"${text.replaceAll(/[^\x20-\x7E]/g, '?').replaceAll(/["\\]/g, '\\$&')}"`
