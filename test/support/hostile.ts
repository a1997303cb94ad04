/** Unexpected JSON values, and documents that contain one of them. */

import fc from 'fast-check'
import { anyCharacter } from './characters.ts'

/** As text, because an object literal can't have an own `__proto__`. */
export const hostileTexts: readonly string[] = [
  'null',
  'true',
  'false',
  '0',
  '-1',
  '5',
  '0.5',
  '1e308',
  '-1e308',
  '9007199254740993',
  '""',
  '" "',
  '"\\u0000"',
  '"\\ud800"',
  '"\\udfff\\ud800"',
  '"__proto__"',
  '"constructor"',
  '"https://"',
  '"http://[::1"',
  '[]',
  '[null]',
  '[[]]',
  '["a","a"]',
  '[{}]',
  '[5,true,null,"x",{"toString":1}]',
  '[{"toString":1}]',
  '[[{"toString":1}]]',
  '{}',
  '{"toString":1}',
  '{"valueOf":1,"toString":null}',
  '{"toString":{"call":1},"toJSON":1}',
  '{"__proto__":{"toString":1}}',
  '{"__proto__":null}',
  '{"constructor":{"prototype":1}}',
  '{"hasOwnProperty":1}',
  '{"then":1}',
  '{"length":-1}',
  '{"length":4294967296,"0":1}',
  '{"ok":true}',
  '{"":""}',
  `${'['.repeat(200)}${']'.repeat(200)}`,
  `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`,
]

export const hostileValues = (): readonly unknown[] => hostileTexts.map(text => JSON.parse(text))

/** Names that every object inherits: a reader that does not check for own members finds them. */
const inheritedNames = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'toJSON', 'then']

type Path = readonly (string | number)[]

/** Every position in a document, the document itself first. */
export function pathsOf(document: unknown, at: Path = []): readonly Path[] {
  if (typeof document !== 'object' || document === null) return [at]
  const keys = Array.isArray(document) ? document.keys() : Object.keys(document)
  return [at, ...[...keys].flatMap(key => pathsOf((document as never)[key], [...at, key]))]
}

/** A copy with another value at this position; undefined removes the member. */
export function replacedAt(document: unknown, path: Path, value: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return value
  const copy: any = Array.isArray(document) ? [...document] : { ...(document as object) }
  if (rest.length === 0 && value === undefined) delete copy[key]
  else define(copy, key, replacedAt(copy[key], rest, value))
  return copy
}

const define = (on: object, key: string | number, value: unknown): void => {
  Object.defineProperty(on, key, { value, enumerable: true, configurable: true, writable: true })
}

export type Variant = { readonly what: string; readonly value: unknown }

/**
 * Each document that differs from this one in one place: another value, none, or one more member.
 * @param stride Takes every nth document, where a try is slow; a prime, so that every place and every value is tried.
 */
export function* variants(document: unknown, stride = 1): Generator<Variant> {
  let index = 0
  for (const variant of allVariants(document)) if (index++ % stride === 0) yield variant
}

function* allVariants(document: unknown): Generator<Variant> {
  for (const path of pathsOf(document)) {
    const place = path.join('.') || '(whole)'
    if (path.length > 0) yield { what: `without ${place}`, value: replacedAt(document, path, undefined) }
    for (const text of hostileTexts)
      yield { what: `${place}: ${text.slice(0, 40)}`, value: replacedAt(document, path, JSON.parse(text)) }
    for (const name of inheritedNames)
      if (isObjectAt(document, path))
        yield { what: `${place}.${name}: 1`, value: replacedAt(document, [...path, name], 1) }
  }
}

const isObjectAt = (document: unknown, path: Path): boolean => {
  const value = path.reduce<any>((at, key) => at?.[key], document)
  // A list in JSON has no members with names.
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Any JSON value, with keys and strings that readers often mishandle. */
export const anyJson: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...hostileTexts).map(text => JSON.parse(text) as unknown),
  fc.json({ maxDepth: 4, stringUnit: anyCharacter }).map(text => JSON.parse(text) as unknown),
  fc
    .dictionary(fc.constantFrom(...inheritedNames, 'a', ''), fc.constantFrom<unknown>(1, null, 'x', [], {}))
    .map(object => JSON.parse(JSON.stringify(object)) as unknown),
)

/** A document with an arbitrary JSON value at any position. */
export const anyVariant = (document: unknown): fc.Arbitrary<unknown> =>
  fc
    .tuple(fc.constantFrom(...pathsOf(document)), anyJson)
    .map(([path, value]) => replacedAt(document, path, value))
