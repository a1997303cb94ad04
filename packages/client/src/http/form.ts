/** Form parameters of requests (RFC 6749 §3.2, appendix B). */

/** Values of a parameter; a list is sent as repeated parameters (RFC 8707 §2). Undefined and empty lists are omitted. */
export type FormParameters = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** Merges parameters. Those of later objects replace those of earlier ones, except undefined ones. */
export const mergeParameters = (...parameters: readonly FormParameters[]): FormParameters =>
  Object.fromEntries(
    parameters.flatMap(object => Object.entries(object).filter(([, value]) => value !== undefined)),
  )

/** Encodes parameters as `application/x-www-form-urlencoded`, merged by {@link mergeParameters}. */
export function encodeForm(...parameters: readonly FormParameters[]): URLSearchParams {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(mergeParameters(...parameters)))
    for (const one of typeof value === 'object' ? value : [`${value}`]) form.append(name, one)
  return form
}
