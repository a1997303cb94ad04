/** Turns the issues of a schema into errors that say how to fix them. */

import { type Description, type Diagnostic, formatPath, subjectOf, valueAt } from './diagnostic.ts'
import { nearestOf } from './nearest.ts'
import { codeKeys } from './schema/code.ts'
import type { AnySchema, Issue, Path } from './validation/schema.ts'

/** @param input the value that the schema read. */
export const explain = (issues: readonly Issue[], schema: AnySchema, input: unknown): readonly Diagnostic[] =>
  issues.flatMap(issue => {
    const { path } = issue
    const subject = subjectOf(path, input)
    if (issue.code !== 'unknown_keys') {
      const [first] = keysAt(schema, path)
      return { path: formatPath(path), subject, ...describe(issue, valueAt(input, path), first) }
    }
    const known = keysAt(schema, path)
    return issue.keys.map(key => ({
      path: formatPath([...path, key]),
      subject,
      ...unknownKey(key, path, known),
    }))
  })

/** @param first the first key of the object that was expected, for an example. */
function describe(
  issue: Exclude<Issue, { code: 'unknown_keys' }>,
  value: unknown,
  first: string | undefined,
): Description {
  const key = issue.path.findLast(step => typeof step === 'string') ?? 'it'
  switch (issue.code) {
    case 'wrong_type':
      return wrongType({ key: String(key), expectedType: issue.expected, value, first })
    case 'not_in_list':
      return notInList(String(key), issue.values, value)
    case 'out_of_bounds':
      return outOfBounds(issue)
    case 'wrong_characters':
      return {
        problem: 'it contains characters that are not allowed here',
        expected: issue.allowed,
        fix: 'remove them',
      }
    case 'check':
      return { problem: issue.problem, expected: issue.expected, fix: issue.fix }
    case 'none_fits':
      return {
        problem: 'it is not JSON',
        expected: 'a JSON value',
        fix: 'write a string, number, list or object',
      }
  }
}

const kinds: Readonly<Record<string, string>> = {
  array: 'a list',
  string: 'a string',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  secret: 'a string, { "env": "NAME" } or { "file": "PATH" }',
}

function wrongType({
  key,
  expectedType,
  value,
  first,
}: {
  readonly key: string
  readonly expectedType: string
  readonly value: unknown
  readonly first: string | undefined
}): Description {
  const expected = expectedType
    .split('|')
    .map(kind => kinds[kind] ?? kind)
    .join(' or ')
  if (value === undefined) return { problem: 'it is missing', expected, fix: `add "${key}"` }
  return {
    problem: `it is ${kindOf(value)}`,
    expected,
    fix: retype(expectedType, value) ?? `write ${expectedType === 'object' ? exampleOf(first) : expected}`,
  }
}

const exampleOf = (first: string | undefined): string =>
  first === undefined ? 'an object: { … }' : `an object: { "${first}": … }`

/** Returns how to write the value that was probably meant. Never contains the value itself, which may be a secret. */
function retype(expected: string, value: unknown): string | undefined {
  if (expected === 'array' && typeof value === 'string') return 'put it in brackets: ["…"]'
  if (expected === 'string' && Array.isArray(value))
    return 'write one string, names separated by spaces: "a b"'
  if (['string', 'secret'].includes(expected) && typeof value === 'number') return 'put it in quotes'
  if (expected === 'boolean' && (value === 'true' || value === 'false')) return 'remove the quotes'
  if (expected === 'int' && typeof value === 'string' && /^\d+$/.test(value)) return 'remove the quotes'
  return undefined
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : 'a fraction, or not a number'
  if (typeof value === 'boolean') return String(value)
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function notInList(key: string, values: readonly string[], value: unknown): Description {
  const expected =
    values.length === 1 ? `"${values[0]}"` : `one of ${values.map(one => `"${one}"`).join(', ')}`
  if (value === undefined) return { problem: 'it is missing', expected, fix: `add "${key}"` }
  const nearest = typeof value === 'string' ? nearestOf(value, values) : undefined
  return {
    problem: typeof value === 'string' ? `"${value.slice(0, 100)}" is not known` : `it is ${kindOf(value)}`,
    expected,
    nearest,
    fix: nearest === undefined ? 'write one of these' : `write "${nearest}"`,
  }
}

function outOfBounds({ side, bound, of }: Extract<Issue, { code: 'out_of_bounds' }>): Description {
  const small = side === 'least'
  if (small && bound === 1 && of === 'string')
    return { problem: 'it is empty', expected: 'some text', fix: 'fill it in' }
  if (small && bound === 1 && of === 'array')
    return { problem: 'it is empty', expected: 'at least one entry', fix: 'add one' }
  const unit = of === 'string' ? ' characters' : of === 'array' ? ' entries' : ''
  const expected = `at ${small ? 'least' : 'most'} ${bound}${unit}`
  return {
    problem: `it is too ${unit ? (small ? 'short' : 'long') : small ? 'small' : 'large'}`,
    expected,
    fix: `write ${expected}`,
  }
}

/** Names that IdentityServer and others use for keys → the names used here. */
const otherWords: Readonly<Record<string, string>> = {
  allowed_grant_types: 'grant_types',
  allowed_scopes: 'scope',
  allow_offline_access: 'scope',
  scopes: 'scope',
  require_client_secret: 'token_endpoint_auth_method',
  allow_plain_text_pkce: 'allow_plain_pkce',
  require_proof_key: 'require_pkce',
  always_include_user_claims_in_id_token: 'claims',
  user_claims: 'claims',
  subject_id: 'sub',
  id: 'sub',
}

/** Returns the known key that was probably meant by an unknown one. */
export function meantKey(key: string, known: readonly string[]): string | undefined {
  const word = otherWords[key.replaceAll(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()]
  return word && known.includes(word) ? word : nearestOf(key, known)
}

function unknownKey(key: string, path: Path, known: readonly string[]): Description {
  const problem = 'it is not a known key'
  const expected = known.length > 12 ? 'a key of docs/guides/configuration.md' : `one of ${known.join(', ')}`
  if (codeKeys.has(key) && (path.length === 0 || path[0] === 'identity_providers'))
    return {
      problem,
      expected,
      fix: 'it is code: move the configuration to a module (.mjs, .js, .mts, .ts) that exports defineConfig({ … })',
    }
  const nearest = meantKey(key, known)
  const fix = nearest === undefined ? 'remove it' : `write "${nearest}" instead of "${key}"`
  return { problem, expected, nearest, fix }
}

type Inner = {
  readonly unwrap?: () => Inner
  readonly fields?: Readonly<Record<string, Inner>>
  readonly element?: Inner
  readonly options?: readonly Inner[]
}

/** Returns the keys that the schema knows at a path. */
function keysAt(schema: AnySchema, path: Path): readonly string[] {
  let at: Inner | undefined = schema as unknown as Inner
  for (const step of [...path, undefined]) {
    while (at?.unwrap || at?.options)
      at = at.unwrap?.() ?? at.options?.find(one => (typeof step === 'number' ? one.element : one.fields))
    if (step === undefined) break
    at = typeof step === 'number' ? at?.element : at?.fields?.[String(step)]
  }
  return Object.keys(at?.fields ?? {}).filter(key => key !== '$schema')
}
