/** Files that only their owner may read. */

/** Returns whether other users can read or change a file. On Windows, mode bits do not contain permissions. */
export const isOpenToOthers = ({ mode }: { readonly mode: number }): boolean =>
  process.platform !== 'win32' && (mode & 0o077) !== 0
