/** Reads the parts of a request to the admin API: the path, the query and the body. */

import type { HttpRequest } from '@tessera/protocol/http'
import { isJsonObject, parseJsonObject } from '@tessera/protocol/json'
import { type JsonObject, type Ok, ok } from '@tessera/protocol/result'
import { explain } from '../../configuration/explain.ts'
import * as s from '../../configuration/validation/kinds.ts'
import type { AnySchema } from '../../configuration/validation/schema.ts'
import type { Description, QueryParameter } from './operation.ts'
import { invalidEntry, type Problem, problem } from './problem.ts'

export const dryRunParameter = {
  schema: s.boolean(),
  description: 'true: checks everything, changes nothing, and returns what would happen.',
}

/** Levels of nesting. Claims and rules of a configuration need fewer. */
const deepest = 32

/** Returns the values of a path such as `/users/{sub}`; undefined if the path is another one. */
export function matchPath(template: string, path: string): Readonly<Record<string, string>> | undefined {
  const names = template.split('/')
  const segments = path.split('/')
  if (names.length !== segments.length) return undefined
  const values: Record<string, string> = {}
  for (const [index, name] of names.entries()) {
    const segment = segments[index]!
    if (!name.startsWith('{')) {
      if (name !== segment) return undefined
      continue
    }
    const value = decoded(segment)
    if (value === undefined || value === '') return undefined
    values[name.slice(1, -1)] = value
  }
  return values
}

/** Longer than any id. Node limits the length of the whole request line. */
const longestId = 1024

/**
 * Refuses ids that nothing can have: control characters, which PostgreSQL does not store either (U+0000), and ids that
 * are too long.
 */
export function checkIds(ids: Readonly<Record<string, string>>): Problem | undefined {
  for (const [name, id] of Object.entries(ids)) {
    if (/\p{Cc}/u.test(id)) return malformedId(name, 'contains a control character')
    if (id.length > longestId) return malformedId(name, `is longer than ${longestId} characters`)
  }
  return undefined
}

const malformedId = (name: string, what: string): Problem =>
  problem('admin_path_malformed', `the ${name} in the path ${what}`)

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

/** Checks the query parameters. Refuses unknown and repeated ones. */
export function readQuery(
  query: string,
  parameters: Readonly<Record<string, QueryParameter>>,
): Ok<Readonly<Record<string, unknown>>> | Problem {
  const values: Record<string, unknown> = {}
  for (const [name, text] of new URLSearchParams(query)) {
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined
    if (!parameter)
      return problem(
        'admin_query_malformed',
        `expected one of the parameters ${Object.keys(parameters).join(', ')}`,
      )
    if (Object.hasOwn(values, name)) return problem('admin_query_malformed', `${name} is repeated`)
    const read = parameter.schema.safeParse(fromText(parameter, text))
    if (!read.success) {
      const [error] = explain(read.issues, parameter.schema, text)
      return problem('admin_query_malformed', `${name}: ${error?.problem}; expected ${error?.expected}`)
    }
    values[name] = read.value
  }
  return ok(values)
}

/** A query contains only text. */
function fromText({ schema: { kind } }: QueryParameter, text: string): unknown {
  if (kind === 'int') return /^\d{1,15}$/.test(text) ? Number(text) : text
  return kind === 'boolean' && /^(true|false)$/.test(text) ? text === 'true' : text
}

/** Reads the body that the operation describes, and checks it. Refuses a body where none is expected. */
export function readBody(
  { headers, body }: HttpRequest,
  { body: expected }: Description,
): Ok<unknown> | Problem {
  if (!expected)
    return body === '' ? ok(undefined) : problem('admin_body_malformed', 'this operation has no body')
  const type = (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (type !== expected.type)
    return problem('admin_media_type_unsupported', `the body must be ${expected.type}`, {
      headers: { [acceptHeaderOf(expected.type)]: expected.type },
    })
  const value = parse(body)
  if (value === undefined)
    return problem(
      'admin_body_malformed',
      `the body must be a JSON object, nested at most ${deepest} levels, without the name __proto__`,
    )
  return expected.checkedLater ? ok(value) : checkBody(expected.schema, value)
}

/** RFC 5789 §3.1, RFC 9110 §12.5.1. */
const acceptHeaderOf = (type: string): string => (type.includes('patch') ? 'accept-patch' : 'accept')

function parse(body: string): JsonObject | undefined {
  const value = parseJsonObject(body)
  return isHarmless(value, 0) ? value : undefined
}

/** Assigning the name would change a prototype. */
function isHarmless(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return (
    depth < deepest &&
    !Object.hasOwn(value, '__proto__') &&
    Object.values(value).every(one => isHarmless(one, depth + 1))
  )
}

/** Returns the value as the schema reads it, or every error in it. */
export function checkBody<Value>(
  schema: AnySchema & { readonly types?: { readonly output: Value } },
  value: unknown,
): Ok<Value> | Problem {
  const read = schema.safeParse(value)
  return read.success ? ok(read.value as Value) : invalidEntry(explain(read.issues, schema, value))
}

/** Applies a merge patch: null removes a member (RFC 7396 §2). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch
  const merged = new Map<string, unknown>(isJsonObject(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch))
    if (value === null) merged.delete(name)
    else merged.set(name, mergePatch(merged.get(name), value))
  return Object.fromEntries(merged)
}
