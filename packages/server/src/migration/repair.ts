/**
 * Removes values that the configuration or the store would refuse, and reports each. What remains is valid. Leaving out a
 * key means its default, which is the secure choice.
 */

import { formatPath, valueAt } from '../configuration/diagnostic.ts'
import { parseConfiguration } from '../configuration/parse.ts'
import { standardIdentityResources } from '../configuration/schema/resource.ts'
import type { Path } from '../configuration/validation/schema.ts'
import type { Draft } from './draft.ts'
import { isWithin, type Report } from './report.ts'
import { type Problem, userProblems } from './user.ts'

type Members = Readonly<Record<string, unknown>>

/** Each round removes something, but rules may find new problems in what remains. */
const mostRounds = 100

/** @throws Error if problems remain, which is a bug. */
export function repair({ configuration, variables }: Draft, report: Report): void {
  const reasons: Reasons = new WeakMap()
  for (let round = 0; round < mostRounds; round++) {
    const problems = problemsOf(configuration, variables)
    if (problems.length === 0) return
    removeAll(configuration, problems, { report, reasons })
  }
  throw new Error('the converted configuration is invalid; please report this')
}

/** Why values were removed from each entry in all rounds, by the path in the entry, whose index may change. */
type Reasons = WeakMap<object, Map<string, Omit<Problem, 'path'>>>
type Log = { readonly report: Report; readonly reasons: Reasons }

function problemsOf(configuration: Members, variables: ReadonlySet<string>): readonly Problem[] {
  const users = (configuration.stored_users ?? []) as readonly Members[]
  const ofUsers = userProblems(users)
  const ofScopes = scopeProblems(configuration)
  if (ofUsers.length > 0 || ofScopes.length > 0) return [...ofUsers, ...ofScopes]
  // The values of the variables don't matter here.
  const environment = Object.fromEntries([...variables].map(name => [name, 'a-secret-that-is-set-later']))
  const parsed = parseConfiguration(finished(configuration), { environment })
  if (parsed.ok) return []
  return parsed.errors.map(({ path, problem, expected }) => ({ path: parsePath(path), problem, expected }))
}

/** Returns the configuration as a file contains it. */
export const finished = ({ stored_users: _, clients, ...rest }: Members): Members => ({
  ...rest,
  ...(clients !== undefined && {
    clients: (clients as readonly Members[]).map(({ scope, ...client }) => ({
      ...client,
      ...(Array.isArray(scope) && { scope: scope.join(' ') }),
    })),
  }),
})

/** Returns the scopes of clients that nothing defines. */
function scopeProblems(configuration: Members): readonly Problem[] {
  const namesIn = (list: string) =>
    ((configuration[list] ?? []) as readonly Members[]).map(({ name }) => String(name))
  const known = new Set([
    'offline_access',
    ...standardIdentityResources.map(({ name }) => name),
    ...namesIn('identity_resources'),
    ...namesIn('api_scopes'),
  ])
  const clients = (configuration.clients ?? []) as readonly Members[]
  return clients.flatMap(({ scope }, index) =>
    [scope ?? []].flat().flatMap((name, at) =>
      known.has(String(name))
        ? []
        : [
            {
              path: ['clients', index, 'scope', at],
              problem: 'no identity resource or API scope has this name',
              expected: 'a scope that the configuration defines',
            },
          ],
    ),
  )
}

/** Removes the values with problems, or their entry if one of the problems is that it lacks something. */
function removeAll(configuration: Members, problems: readonly Problem[], log: Log): void {
  const removal = createRemoval(configuration, log)
  for (const group of Map.groupBy(problems, ({ path }) => keyOf(entryOf(path))).values()) {
    const lacking = group.find(({ path }) => valueAt(configuration, path) === undefined)
    if (lacking) removal.removeEntry(lacking)
    else {
      const byPath = new Map(group.map(problem => [keyOf(problem.path), problem]))
      // Later elements of a list first: the others keep their index.
      for (const problem of [...byPath.values()].toSorted((one, other) => comparePaths(other.path, one.path)))
        if (valueAt(configuration, problem.path) !== undefined) removal.remove(problem)
    }
  }
  removal.finish()
}

/** The entry of a list, or a key of the server. */
const entryOf = (path: Path): Path => path.slice(0, typeof path[1] === 'number' ? 2 : 1)
const keyOf = (path: Path): string => path.join('\0')

function createRemoval(configuration: Members, { report: { lines }, reasons }: Log) {
  const ofEntry = Map.groupBy(lines.keys(), index => keyOf(entryOf(lines[index]!.target ?? [])))
  /** The indexes of removed entries, by list. Entries are removed at the end, so that the others keep their index. */
  const removed = new Map<string, Set<number>>()

  const removal = {
    /** Removes an entry that lacks a key. If a value of the key was removed before, that is why. */
    removeEntry({ path, problem, expected }: Problem): void {
      const entry = entryOf(path)
      const before = reasonsOf(entry)?.get(keyOf(path.slice(entry.length)))
      const key = path.length > entry.length ? `${formatPath(path.slice(entry.length))}: ` : ''
      removal.remove({ path: entry, ...(before ?? { problem: `${key}${problem}`, expected }) })
    },
    remove({ path, problem, expected }: Problem): void {
      const why = `${problem}; expected ${expected}`
      const entry = entryOf(path)
      reasonsOf(entry)?.set(keyOf(path.slice(entry.length)), { problem, expected })
      const parent = valueAt(configuration, path.slice(0, -1))
      const step = path.at(-1)!
      const isElement = Array.isArray(parent) && typeof step === 'number'
      let isReported = false
      for (const index of ofEntry.get(keyOf(entryOf(path))) ?? []) {
        const { target, ...rest } = lines[index]!
        if (!target) continue
        if (isWithin(target, path)) {
          isReported = true
          lines[index] = { ...rest, outcome: 'not_possible', why }
        } else if (isElement && path.length > 2)
          lines[index] = { ...rest, target: afterRemoval(target, path) }
      }
      if (!isReported)
        lines.push({ file: '', source: [], outcome: 'not_possible', why: `${formatPath(path)}: ${why}` })
      if (isElement && path.length === 2) {
        const list = String(path[0])
        removed.set(list, (removed.get(list) ?? new Set()).add(step))
      } else if (isElement) {
        parent.splice(step, 1)
        if (parent.length === 0 && allowsAll.has(path[2])) disable(path.slice(0, 2))
      } else delete (parent as Record<PropertyKey, unknown>)[step]
    },
    finish(): void {
      for (const [list, indexes] of removed) {
        const before = configuration[list] as unknown[]
        const moved = new Map(
          [...before.keys()].filter(index => !indexes.has(index)).map((old, index) => [old, index]),
        )
        ;(configuration as Record<string, unknown>)[list] = before.filter((_, index) => !indexes.has(index))
        for (const [index, line] of lines.entries()) {
          const at = line.target?.[0] === list ? moved.get(Number(line.target[1])) : undefined
          if (at !== undefined) lines[index] = { ...line, target: line.target!.with(1, at) }
        }
      }
    },
  }
  return removal

  function reasonsOf(path: Path): Map<string, Omit<Problem, 'path'>> | undefined {
    const entry = valueAt(configuration, path)
    if (typeof entry !== 'object' || entry === null) return undefined
    const known = reasons.get(entry) ?? new Map<string, Omit<Problem, 'path'>>()
    reasons.set(entry, known)
    return known
  }

  /** An import allows no more than the old server did. */
  function disable(client: Path): void {
    ;(valueAt(configuration, client) as Record<string, unknown>).enabled = false
    const why = 'none of its names is known here, and an empty list allows all, so the client is disabled'
    lines.push({ file: '', source: [], outcome: 'changed', target: [...client, 'enabled'], why })
  }
}

/** Lists of a client that allow everything if they are empty. */
const allowsAll: ReadonlySet<PropertyKey | undefined> = new Set(['identity_provider_restrictions', 'tenants'])

/** Returns the place of a value after an element of a list was removed. */
function afterRemoval(target: Path, removed: Path): Path {
  const at = removed.length - 1
  const index = target[at]
  const isLater =
    typeof index === 'number' && index > Number(removed[at]) && isWithin(target, removed.slice(0, -1))
  return isLater ? target.with(at, index - 1) : target
}

function comparePaths(one: Path, other: Path): number {
  const index = one.findIndex((step, at) => step !== other[at])
  if (index < 0) return one.length - other.length
  const [left, right] = [one[index], other[index]]
  if (typeof left === 'number' && typeof right === 'number') return left - right
  return String(left) < String(right) ? -1 : 1
}

/** Reads a path as diagnostics write it. A name that contains dots is not found again, and its entry is removed. */
const parsePath = (text: string): Path =>
  [...text.matchAll(/[^.[\]]+|\[(\d+)\]/g)].map(([word, index]) =>
    index === undefined ? word : Number(index),
  )
