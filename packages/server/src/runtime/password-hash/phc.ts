/** The PHC string format: `$id$v=19$name=value,name=value$salt$hash`, in base64 without padding. */

import { decodeBase64 } from './format.ts'

type Phc = {
  readonly id: string
  readonly version: number | undefined
  readonly parameters: ReadonlyMap<string, string>
  readonly salt: Buffer | undefined
  readonly key: Buffer | undefined
}

const phc = /^\$([a-z0-9-]{1,32})(?:\$v=(\d{1,3}))?\$([a-z]+=[^,$]+(?:,[a-z]+=[^,$]+)*)\$([^$]+)\$([^$]+)$/

/** Returns undefined for a text of another form, or if a parameter occurs twice. */
export function readPhc(text: string): Phc | undefined {
  const [, id = '', version, list = '', salt = '', key = ''] = phc.exec(text) ?? []
  const entries = list.split(',').map(entry => {
    const [name = ''] = entry.split('=', 1)
    return [name, entry.slice(name.length + 1)] as const
  })
  const parameters = new Map(entries)
  if (id === '' || parameters.size !== entries.length) return undefined
  return {
    id,
    version: version === undefined ? undefined : Number(version),
    parameters,
    salt: decodeBase64(salt),
    key: decodeBase64(key),
  }
}

/** Returns a decimal parameter; undefined if it is missing, not a number, or has a leading zero. */
export function integerOf({ parameters }: Pick<Phc, 'parameters'>, name: string): number | undefined {
  const value = parameters.get(name)
  return value !== undefined && /^[1-9]\d{0,9}$/.test(value) ? Number(value) : undefined
}

/** Returns whether all parameters have one of these names. */
export const hasOnly = ({ parameters }: Pick<Phc, 'parameters'>, names: readonly string[]): boolean =>
  [...parameters.keys()].every(name => names.includes(name))
