/** Standard output and standard error, either of which may be a closed pipe or a full disk: neither may end a server. */

let failure: NodeJS.ErrnoException | undefined

/** Bytes of standard output that may wait for a reader that does not read. */
const capacity = 1_048_576

/** Remembers a write that fails from now on, rather than throwing. */
export function guardStandardOutput(): void {
  process.stdout.on('error', error => {
    failure ??= error
  })
  process.stderr.on('error', () => {})
  // Beyond RLIMIT_FSIZE a write fails with EFBIG instead of ending the process.
  if (process.platform !== 'win32') process.on('SIGXFSZ', () => {})
}

/** Returns why the last command's output is incomplete; a reader that closed the pipe (EPIPE) has seen enough. */
export const outputFailure = (): string | undefined =>
  failure === undefined || failure.code === 'EPIPE' ? undefined : failure.message

/** Writes what is only for people to see, and drops it where nobody reads. */
export function print(text: string): void {
  if (process.stdout.writableLength < capacity) process.stdout.write(text)
}

/** Ends the process after these milliseconds at the latest, even if a reader that does not read still holds output of ours. */
export function endSoon(milliseconds = 500): void {
  setTimeout(() => process.exit(), milliseconds).unref()
}
