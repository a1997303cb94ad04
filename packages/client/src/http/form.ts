/** Form parameters of requests (RFC 6749 §3.2, appendix B). */

/** Values of a parameter; a list is sent as repeated parameters (RFC 8707 §2). Undefined and empty lists are omitted. */
export type FormParameters = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** Encodes parameters as `application/x-www-form-urlencoded`. Later objects replace parameters of earlier ones. */
export function encodeForm(...parameters: readonly FormParameters[]): URLSearchParams {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(Object.assign({}, ...parameters) as FormParameters)) {
    if (value === undefined) continue
    for (const one of typeof value === 'object' ? value : [`${value}`]) form.append(name, one)
  }
  return form
}
