/** Reads the files of another server: JSON, lines of JSON, YAML, and modules. Limits their size. */

import { extname, resolve } from 'node:path'
import { type Read, readJson, readYaml } from '../configuration/file.ts'
import { readModule } from '../configuration/module.ts'
import { readRegularFile } from '../runtime/regular-file.ts'
import type { Importer, SourceFile } from './migrate.ts'

type Reading = Pick<Importer, 'acceptsModules' | 'prepareYaml'>

type Outcome =
  | { readonly ok: true; readonly file: SourceFile }
  | { readonly ok: false; readonly problem: string }

const mebibyte = 1024 * 1024
const mostBytes = 256 * mebibyte
/** Larger files are read by a parser that accepts no comments and does not find repeated names. */
const mostBytesOfCarefulParsers = 16 * mebibyte

const moduleExtensions: readonly string[] = ['.js', '.mjs', '.cjs', '.ts', '.mts']

export async function readSourceFile(
  name: string,
  { acceptsModules = false, prepareYaml = text => text }: Reading = {},
): Promise<Outcome> {
  const extension = extname(name).toLowerCase()
  if (moduleExtensions.includes(extension)) {
    if (acceptsModules) return outcomeOf(name, await readModule(resolve(name), name))
    return { ok: false, problem: 'it is a module; expected JSON or YAML' }
  }
  const reading = readRegularFile(name, mostBytes)
  if (!reading.ok) return { ok: false, problem: reading.problem }
  const text = textIn(reading.bytes)
  if (typeof text !== 'string') return { ok: false, problem: text.problem }
  try {
    return outcomeOf(name, await parse(text, extension, { name, prepareYaml }))
  } catch (error) {
    // A deeply nested value exceeds the stack of the parser. Its message may quote the file.
    return { ok: false, problem: error instanceof RangeError ? 'it is nested too deeply' : 'it is not valid' }
  }
}

async function parse(
  text: string,
  extension: string,
  { name, prepareYaml }: { readonly name: string } & Required<Pick<Reading, 'prepareYaml'>>,
): Promise<Read> {
  if (extension === '.ndjson' || extension === '.jsonl') return readLines(text, name)
  if (extension === '.yaml' || extension === '.yml')
    return text.length > mostBytesOfCarefulParsers ? tooLarge(name) : readYaml(prepareYaml(text), name)
  if (text.length > mostBytesOfCarefulParsers) return { ok: true, input: JSON.parse(text) }
  const read = await readJson(text, name)
  if (read.ok || !/^\s*\{.*\}\s*\n\s*\{/.test(text)) return read
  // Exports of users have one object on each line, whatever the file is called.
  const lines = readLines(text, name)
  return lines.ok ? lines : read
}

function readLines(text: string, name: string): Read {
  const input: unknown[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    try {
      input.push(JSON.parse(line))
    } catch {
      return failed(`${name}:${index + 1}`, 'the line is not JSON', 'one JSON value on each line')
    }
  }
  return { ok: true, input }
}

const failed = (path: string, problem: string, expected: string): Read => ({
  ok: false,
  errors: [{ path, problem, expected, fix: 'export the file again' }],
})

const tooLarge = (name: string): Read =>
  failed(name, 'it is too large', `at most ${mostBytesOfCarefulParsers / mebibyte} MiB of YAML`)

const outcomeOf = (name: string, read: Read): Outcome => {
  if (read.ok) return { ok: true, file: { name, value: read.input } }
  const [error] = read.errors
  return { ok: false, problem: `${error!.path}: ${error!.problem}; expected ${error!.expected}` }
}

/**
 * Decodes UTF-8, or UTF-16 with a byte order mark, which Windows PowerShell writes. Other encodings are refused: names of
 * users would be damaged.
 */
function textIn(bytes: Uint8Array): string | { readonly problem: string } {
  const start = Buffer.from(bytes.subarray(0, 2)).toString('hex')
  if (start === '1f8b') return { problem: 'it is compressed; expand it first, for example with gunzip' }
  const encoding = { fffe: 'utf-16le', feff: 'utf-16be' }[start] ?? 'utf-8'
  try {
    // Removes the byte order mark.
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    return { problem: `it is not ${encoding.toUpperCase()}; export it in UTF-8` }
  }
}
