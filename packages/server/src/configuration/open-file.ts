/** Files with secrets that other users can read. */

import type { Description } from './diagnostic.ts'

/** Returns whether other users than the owner and the group can read or write it. Windows has no such permissions. */
export const isOpen = (mode: number): boolean => process.platform !== 'win32' && (mode & 0o006) !== 0

export const openFile: Description = {
  problem: 'other users of this machine can read or change the file',
  expected: 'a file that only the server can read, such as mode 0400 or 0440',
  fix: 'run chmod o= on it; in a container, set the mode of the mounted secret to 0440',
}
