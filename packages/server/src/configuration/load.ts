/** Loads a configuration: from a file of any format, the environment and flags. */

import { readFile } from 'node:fs/promises'
import { dirname, extname, resolve } from 'node:path'
import type { Environment, Overrides } from './environment.ts'
import { type Read, readJson, readYaml } from './file.ts'
import { readModule } from './module.ts'
import { type ConfigurationOutcome, parseConfiguration } from './parse.ts'

export type LoadOptions = {
  /** A path, from the working directory; omitted: flags and environment only. */
  readonly file?: string
  readonly environment: Environment
  readonly overrides?: Overrides
  /** In seconds; for secrets that have expired. */
  readonly now?: number
  /** Reads a module and its imports anew, though they were read before. */
  readonly anew?: boolean
}

/** Answers errors as values; throws for nothing that a file can hold. Relative paths in the file start from the file. */
export async function loadConfiguration({
  file,
  anew = false,
  ...options
}: LoadOptions): Promise<ConfigurationOutcome> {
  if (file === undefined) return parseConfiguration({}, options)
  const absolute = resolve(file)
  const read = await readInput(absolute, file, anew)
  if (!read.ok) return read
  return parseConfiguration(read.input, {
    ...options,
    directory: dirname(absolute),
    isModule: moduleExtensions.has(extname(absolute)),
  })
}

const moduleExtensions: ReadonlySet<string> = new Set(['.js', '.mjs', '.ts', '.mts'])

const textReaders: Readonly<Record<string, (text: string, file: string) => Promise<Read>>> = {
  '.json': readJson,
  '.jsonc': readJson,
  '.yaml': readYaml,
  '.yml': readYaml,
}

async function readInput(absolute: string, file: string, anew: boolean): Promise<Read> {
  const extension = extname(absolute)
  const reader = textReaders[extension]
  if (!reader && !moduleExtensions.has(extension)) {
    return {
      ok: false,
      errors: [
        {
          path: file,
          problem: extension === '' ? 'its name has no ending' : `files ending in ${extension} are not known`,
          expected: `one of ${[...Object.keys(textReaders), ...moduleExtensions].join(', ')}`,
          fix: 'rename the file by its format',
        },
      ],
    }
  }
  let text: string
  try {
    text = await readFile(absolute, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    return {
      ok: false,
      errors: [
        {
          path: file,
          problem: code === 'ENOENT' ? 'there is no such file' : `the file can't be read (${code})`,
          expected: 'a readable file',
          fix: `correct the path; it starts from ${process.cwd()}`,
        },
      ],
    }
  }
  return reader ? reader(text, file) : readModule(absolute, file, anew)
}
