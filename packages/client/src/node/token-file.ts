/** Tokens in files that something else renews, such as the projected tokens of Kubernetes. */

import { readFile, stat } from 'node:fs/promises'

/**
 * Returns a function that resolves to the content of the file, for `workloadIdentity`. It reads the file again when it
 * has changed, also by a symbolic link that is replaced. Rejects if the file can't be read.
 */
export function tokenFile(path: string): () => Promise<string> {
  let known: { readonly version: string; readonly token: string } | undefined
  return async () => {
    const { ino, mtimeMs, size } = await stat(path)
    const version = `${ino} ${mtimeMs} ${size}`
    if (known?.version !== version) known = { version, token: await readFile(path, 'utf8') }
    return known.token
  }
}
