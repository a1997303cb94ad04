/** Reads small files of the operator. */

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'

type FileReading =
  | { readonly ok: true; readonly bytes: Buffer; readonly mode: number }
  | { readonly ok: false; readonly problem: string; readonly fix: string }

/**
 * Reads a regular file. Anything else is refused: opening or reading a named pipe that nothing writes to would block a
 * running server, and prevent it from ending.
 * @param mostBytes of the file; larger files are refused. Default: no limit.
 */
export function readRegularFile(file: string, mostBytes = Number.POSITIVE_INFINITY): FileReading {
  let descriptor: number | undefined
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const status = fstatSync(descriptor)
    if (!status.isFile()) return unusable('it is not a regular file')
    const bytes = status.size > mostBytes ? undefined : readFileSync(descriptor)
    if (bytes && bytes.length <= mostBytes) return { ok: true, bytes, mode: status.mode }
    const problem = `the file is too large, with more than ${sizeOf(mostBytes)}`
    return { ok: false, problem, fix: 'correct the path, or use a smaller file' }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? { ok: false, problem: 'there is no such file', fix: 'correct the path, or create the file' }
      : unusable(`the file can't be read (${code ?? 'unknown error'})`)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

const unusable = (problem: string): FileReading => ({
  ok: false,
  problem,
  fix: 'correct the path or its permissions',
})

const sizeOf = (bytes: number): string =>
  bytes < 1_048_576 ? `${bytes / 1024} KiB` : `${bytes / 1_048_576} MiB`
