/** Challenges in `WWW-Authenticate` (RFC 9110 §11.6.1). */

/** One challenge of a response. */
export type Challenge = {
  /** In lower case, because schemes are compared without regard to case (§11.1). */
  readonly scheme: string
  /** Parameters by their name in lower case. If a name occurs twice, the first value is used. */
  readonly parameters: ReadonlyMap<string, string>
  /** A value without names, as in `Negotiate oRkw…` (§11.2). */
  readonly token68?: string
}

/** A longer header is ignored. */
const maxLength = 16_384

const scheme = /[!#$%&'*+\-.^_`|~\w]+/y
const separators = /[ \t,]*/y
const token68 = / +([\w\-.~+/]+=*)(?=[ \t]*(?:,|$))/y
const parameter = /([!#$%&'*+\-.^_`|~\w]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+\-.^_`|~\w]+))/sy
const spaces = / +/y
const end = /[ \t]*(?=,|$)/y

/**
 * Returns the challenges of a `WWW-Authenticate` header, in order. Several headers can be joined by commas, as
 * `Headers.get` does. From the first character that breaks the grammar, the rest is ignored.
 */
export function parseChallenges(header: string | null): readonly Challenge[] {
  if (header === null || header.length > maxLength) return []
  let position = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = position
    const match = pattern.exec(header) ?? undefined
    if (match) position = pattern.lastIndex
    return match
  }

  /** Returns undefined if something else than a parameter, a comma or the end follows. */
  const takeParameters = (): ReadonlyMap<string, string> | undefined => {
    const parameters = new Map<string, string>()
    if (take(end)) return parameters
    if (!take(spaces)) return undefined
    for (let match = take(parameter); match; match = take(parameter)) {
      const [, name = '', quoted, plain = ''] = match
      const value = quoted === undefined ? plain : quoted.replace(/\\(.)/gs, '$1')
      if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value)
      if (!take(end)) return undefined
      take(separators)
    }
    return parameters.size > 0 ? parameters : undefined
  }

  const challenges: Challenge[] = []
  for (;;) {
    take(separators)
    const [name] = take(scheme) ?? []
    if (name === undefined) return challenges
    const value = take(token68)?.[1]
    const parameters = value === undefined ? takeParameters() : new Map<string, string>()
    if (!parameters) return challenges
    const challenge = { scheme: name.toLowerCase(), parameters }
    challenges.push(value === undefined ? challenge : { ...challenge, token68: value })
  }
}
