/** Loads a configuration from a file of any format, the environment and flags. */

import { dirname, extname, resolve } from 'node:path'
import { readRegularFile } from '../runtime/regular-file.ts'
import { describeThrown } from '../runtime/thrown.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { Environment, Overrides } from './environment.ts'
import { type Read, readJson, readYaml } from './file.ts'
import { readModule } from './module.ts'
import { type ConfigurationOutcome, parseConfiguration } from './parse.ts'

export type LoadOptions = {
  /** A path, relative to the working directory. Omitted: only flags and environment. */
  readonly file?: string
  readonly environment: Environment
  readonly overrides?: Overrides
  /** Seconds; decides which secrets have expired. */
  readonly now?: number
}

/** Returns errors as values; no content of a file makes it throw. Relative paths in the file start from the file. */
export async function loadConfiguration({ file, ...options }: LoadOptions): Promise<ConfigurationOutcome> {
  if (file === undefined) return parseConfiguration({}, options)
  const absolute = resolve(file)
  const read = await readInput(absolute, file)
  if (!read.ok) return read
  const isModule = isModuleFile(absolute)
  try {
    return parseConfiguration(read.input, { ...options, directory: dirname(absolute), isModule })
  } catch (error) {
    if (!isModule) throw error
    // Values of a module can contain themselves, or throw when they are read.
    return { ok: false, errors: [unreadable(file, describeThrown(error).text)] }
  }
}

const unreadable = (file: string, problem: string): Diagnostic => ({
  path: file,
  problem: `its configuration can't be read: ${problem}`,
  expected: 'plain objects, lists, strings, numbers and functions',
  fix: 'remove getters, proxies and objects that contain themselves',
})

const moduleExtensions: ReadonlySet<string> = new Set(['.js', '.mjs', '.ts', '.mts'])

/** Returns whether a file is a module, which contains code. */
export const isModuleFile = (file: string): boolean => moduleExtensions.has(extname(file))

const textReaders: Readonly<Record<string, (text: string, file: string) => Promise<Read>>> = {
  '.json': readJson,
  '.jsonc': readJson,
  '.yaml': readYaml,
  '.yml': readYaml,
}

async function readInput(absolute: string, file: string): Promise<Read> {
  const extension = extname(absolute)
  const reader = textReaders[extension]
  if (!reader && !moduleExtensions.has(extension)) {
    return {
      ok: false,
      errors: [
        {
          path: file,
          problem:
            extension === ''
              ? 'its name has no extension'
              : `files with the extension ${extension} are not supported`,
          expected: `one of ${[...Object.keys(textReaders), ...moduleExtensions].join(', ')}`,
          fix: 'rename the file to match its format',
        },
      ],
    }
  }
  const reading = readRegularFile(absolute)
  if (!reading.ok) {
    const { problem } = reading
    const fix = `correct the path; relative paths start from ${process.cwd()}`
    return { ok: false, errors: [{ path: file, problem, expected: 'a readable file', fix }] }
  }
  return reader ? reader(reading.bytes.toString('utf8'), file) : readModule(absolute, file)
}
