/**
 * Writes texts for operators to standard output and standard error. Names, and what other servers say, could contain control
 * characters that a terminal would follow; they are escaped here. Keeps a server running if its output is a closed pipe or a
 * full disk.
 */

import { escapedLines } from './escaped-text.ts'

let failure: NodeJS.ErrnoException | undefined

/** Bytes of standard output that may wait for a reader. */
const capacity = 1_048_576

/** Records the first failed write instead of throwing. */
export function guardStandardOutput(): void {
  process.stdout.on('error', error => {
    failure ??= error
  })
  process.stderr.on('error', () => {})
  // Beyond RLIMIT_FSIZE a write fails with EFBIG instead of ending the process.
  if (process.platform !== 'win32') process.on('SIGXFSZ', () => {})
}

/** Returns why the output is incomplete. A reader that closed the pipe (EPIPE) does not count. */
export const outputFailure = (): string | undefined =>
  failure === undefined || failure.code === 'EPIPE' ? undefined : failure.message

/** Writes text to standard output. Escapes control characters except line feeds; JSON keeps its meaning. */
export const writeOutput = (text: string): void => void process.stdout.write(escapedLines(text))

/** Writes text to standard error, escaped like that of {@link writeOutput}. */
export const writeError = (text: string): void => void process.stderr.write(escapedLines(text))

/** Writes text to standard output, and drops it if nothing reads the output. */
export function print(text: string): void {
  if (process.stdout.writableLength < capacity) writeOutput(text)
}

/** Ends the process within these milliseconds, even if output still waits for a reader. */
export function endSoon(milliseconds = 500): void {
  setTimeout(() => process.exit(), milliseconds).unref()
}
