/** Reads a configuration file as data: JSON and JSONC (RFC 8259 with comments and trailing commas), YAML 1.2. */

import { isNestedDeeper } from '@tessera/protocol/json'
import type { Node, ParseError } from 'jsonc-parser'
import type { Diagnostic } from './diagnostic.ts'

export type Read =
  | { readonly ok: true; readonly input: unknown }
  | { readonly ok: false; readonly errors: readonly Diagnostic[] }

export async function readJson(text: string, file: string): Promise<Read> {
  const { parseTree, getNodeValue, printParseErrorCode } = await import('jsonc-parser')
  if (isBlank(text)) return { ok: false, errors: [empty(file)] }
  // The parser calls itself for each level.
  if (isNestedDeeper(text, deepest, tokens)) return { ok: false, errors: [tooDeep(file)] }
  const problems: ParseError[] = []
  const tree = parseTree(text.replace(/^\uFEFF/, ' '), problems, { allowTrailingComma: true })
  const errors: Diagnostic[] = problems.map(({ error, offset }) => ({
    path: placeOf(text, offset, file),
    problem: `it is not JSON (${printParseErrorCode(error)})`,
    expected: 'JSON; comments and trailing commas are allowed',
    fix: 'check for a missing comma, quote or bracket at or just before this position',
  }))
  if (errors.length > 0 || !tree) return { ok: false, errors: errors.length > 0 ? errors : [empty(file)] }
  const repeated = repeatedKeys(tree)
  if (repeated.length === 0) return { ok: true, input: getNodeValue(tree) }
  return {
    ok: false,
    errors: repeated.map(node => ({
      path: placeOf(text, node.offset, file),
      problem: `the key "${String(node.value)}" appears twice in one object`,
      expected: 'each key once',
      fix: 'remove one of the two; only the last one would be used',
    })),
  }
}

/** Returns whether a file has nothing but comments. */
const isBlank = (text: string): boolean =>
  text
    .replace(/^\uFEFF/, '')
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    .trim() === ''

function repeatedKeys(node: Node): readonly Node[] {
  const below = (node.children ?? []).flatMap(repeatedKeys)
  if (node.type !== 'object') return below
  const seen = new Set<unknown>()
  const keys = (node.children ?? []).map(property => property.children![0]!)
  const repeated = keys.filter(key => {
    const again = seen.has(key.value)
    seen.add(key.value)
    return again
  })
  return [...repeated, ...below]
}

export async function readYaml(text: string, file: string): Promise<Read> {
  const { parseAllDocuments } = await import('yaml')
  const documents = parseAllDocuments(text, { prettyErrors: true })
  if (!Array.isArray(documents) || documents.length === 0) return { ok: false, errors: [empty(file)] }
  const errors: Diagnostic[] = documents
    .flatMap(document => document.errors)
    .map(error => ({
      path: error.linePos ? `${file}:${error.linePos[0].line}:${error.linePos[0].col}` : file,
      problem: `it is not YAML (${error.code})`,
      expected: 'YAML 1.2, each key once',
      fix: 'check the indentation, colons and quotes at this position',
    }))
  if (documents.length > 1)
    errors.push({
      path: file,
      problem: 'it contains several documents',
      expected: 'one document',
      fix: 'keep one document and remove the "---" lines',
    })
  if (errors.length > 0) return { ok: false, errors }
  try {
    const input: unknown = documents[0]!.toJS({ maxAliasCount: 100 })
    if (input === null || input === undefined) return { ok: false, errors: [empty(file)] }
    return isTooDeep(input) ? { ok: false, errors: [tooDeep(file)] } : { ok: true, input }
  } catch {
    const fix = 'write the values instead of aliases'
    return {
      ok: false,
      errors: [{ path: file, problem: "its aliases can't be resolved", expected: 'few aliases', fix }],
    }
  }
}

/** Levels of nesting; a configuration needs about ten. */
const deepest = 100

/** Strings, comments and brackets. */
const tokens = /"(?:[^"\\\n]|\\.)*"|\/\/.*|\/\*[\s\S]*?\*\/|[[{\]}]/g

/** Returns whether a value is nested more deeply. Aliases of YAML can form cycles. */
function isTooDeep(value: unknown, depth = 0, shallow = new Set<unknown>()): boolean {
  if (typeof value !== 'object' || value === null || shallow.has(value)) return false
  if (depth === deepest || Object.values(value).some(one => isTooDeep(one, depth + 1, shallow))) return true
  shallow.add(value)
  return false
}

const tooDeep = (file: string): Diagnostic => ({
  path: file,
  problem: 'it is nested too deeply',
  expected: `at most ${deepest} levels`,
  fix: 'remove lists or objects around the values, and aliases that contain themselves',
})

const empty = (file: string): Diagnostic => ({
  path: file,
  problem: 'it is empty',
  expected: 'a configuration',
  fix: 'start with "clients": docs/guides/configuration.md has a complete example',
})

/** Returns `FILE:LINE:COLUMN`, counted from 1. */
function placeOf(text: string, offset: number, file: string): string {
  const before = text.slice(0, offset).split('\n')
  return `${file}:${before.length}:${before.at(-1)!.length + 1}`
}
