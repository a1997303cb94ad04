/** An error or a warning about a configuration: the place, the problem, what was expected, and the fix. */

export type Diagnostic = {
  /** `clients[2].redirect_uris[0]`, or a flag, a variable or a file; never a value. */
  readonly path: string
  /** The entry that contains the path: `client "web"`. */
  readonly subject?: string
  readonly problem: string
  readonly expected: string
  /** The known key or name that was probably meant. */
  readonly nearest?: string
  readonly fix: string
}

/** A diagnostic without its place. */
export type Description = Omit<Diagnostic, 'path' | 'subject'>

/** Formats a path: `['clients', 2, 'scope']` → `clients[2].scope`. */
export const formatPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`,
    '',
  )

/** Formats a diagnostic as three lines for a terminal. */
export const formatDiagnostic = ({ path, subject, problem, expected, nearest, fix }: Diagnostic): string =>
  [
    `${path}${subject ? ` (${subject})` : ''}: ${problem}`,
    `    expected: ${expected}${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
    `    fix:      ${fix}`,
  ].join('\n')

/** Groups diagnostics by entry. Entries keep the order in which they first appear. */
export const groupByEntry = (diagnostics: readonly Diagnostic[]): readonly Diagnostic[] =>
  [...Map.groupBy(diagnostics, ({ path }) => path.split('.', 1)[0]).values()].flat()

/** Returns the value at a path; undefined if there is none. */
export function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let at = input
  for (const step of path) {
    // Only own properties: inherited ones such as `constructor` were not configured.
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Record<PropertyKey, unknown>)[step]
  }
  return at
}

/** List → what an entry is called, and the key that contains its name. */
const subjects: Readonly<Record<string, readonly [noun: string, key: string]>> = {
  clients: ['client', 'client_id'],
  users: ['user', 'username'],
  identity_resources: ['identity resource', 'name'],
  api_scopes: ['API scope', 'name'],
  api_resources: ['API resource', 'name'],
  identity_providers: ['identity provider', 'name'],
  tenants: ['tenant', 'name'],
}

/** Returns `client "web"` for a path into `clients`; undefined if the path leads to no entry with a name. */
export function subjectOf(path: readonly PropertyKey[], input: unknown): string | undefined {
  const [list, index] = path
  const subject = typeof list === 'string' && Object.hasOwn(subjects, list) ? subjects[list] : undefined
  if (!subject || typeof index !== 'number') return undefined
  const name = valueAt(input, [list!, index, subject[1]])
  return typeof name === 'string' ? `${subject[0]} "${name.slice(0, 100)}"` : undefined
}
