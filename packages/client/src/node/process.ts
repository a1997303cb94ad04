/** Processes of this machine. */

/** Returns whether a process with this id exists. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // A process of another user can't be signalled, but exists.
    return (error as { code?: string }).code !== 'ESRCH'
  }
}
