/** The configuration and the users that an importer writes. */

import type { Path } from '../configuration/validation/schema.ts'
import type { Source } from './source.ts'

type Members = Record<string, unknown>

/** An object of the configuration, and its place. */
export type Target = {
  readonly value: Readonly<Members>
  /** Returns the place of a key, or of an entry in its list. */
  readonly at: (key: string, ...below: Path) => Path
  /** Does nothing if the value is undefined. */
  readonly set: (key: string, value: unknown) => void
}

type EntryList =
  | 'clients'
  | 'identity_resources'
  | 'api_scopes'
  | 'api_resources'
  | 'users'
  | 'identity_providers'
  | 'stored_users'

export type Draft = {
  /** The top of the configuration. */
  readonly server: Target
  /**
   * Adds an entry to a list. The `scope` of a client is a list here. Entries of `stored_users` go to the store, with the
   * members of `MigratedUser`.
   */
  readonly add: (list: EntryList) => Target
  /**
   * Returns the place of a secret that the source does not contain: a variable, which the operator has to set. Reports it
   * as added to `source`.
   * @param words the parts of the variable's name.
   */
  readonly unknownSecret: (
    source: Source,
    target: Path,
    ...words: readonly string[]
  ) => { readonly env: string }
  readonly configuration: Members
  readonly variables: ReadonlySet<string>
}

export function createDraft(): Draft {
  const configuration: Members = {}
  const variables = new Set<string>()

  const targetOf = (value: Members, path: Path): Target => ({
    value,
    at: (...below) => [...path, ...below],
    set(key, given) {
      if (given !== undefined) value[key] = given
    },
  })

  return {
    configuration,
    variables,
    server: targetOf(configuration, []),
    add(name) {
      configuration[name] ??= []
      const list = configuration[name] as Members[]
      const entry: Members = {}
      return targetOf(entry, [name, list.push(entry) - 1])
    },
    unknownSecret(source, target, ...words) {
      const name = variableOf(words, variables)
      variables.add(name)
      source.added(`the file does not contain the secret: set the variable ${name}`, target)
      return { env: name }
    },
  }
}

/** Returns a name of a variable that is not used yet. */
function variableOf(words: readonly string[], used: ReadonlySet<string>): string {
  const plain = words
    .join('_')
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
  const base = (/^[A-Z]/.test(plain) ? plain : `SECRET_${plain}`).slice(0, 90)
  let name = base
  for (let count = 2; used.has(name); count++) name = `${base}_${count}`
  return name
}
