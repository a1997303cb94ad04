/** Runs several test files in one process, because starting a process costs more than most files do. */

import { AsyncResource } from 'node:async_hooks'
import { describe } from 'node:test'
// Closes what its users open when the process ends, so it belongs to no single file.
import '../support/storage.ts'

/** Loads the files one after the other, each as a suite: hooks at the top of a file apply to that file alone. */
export function describeFiles(files: readonly { readonly name: string; readonly url: string }[]): void {
  let loaded: Promise<unknown> = Promise.resolve()
  for (const { name, url } of files)
    describe(name, () => {
      // Keeps the file's tests in this suite, whichever file first loaded the modules that it awaits.
      const suite = new AsyncResource('test file')
      const load = () => suite.runInAsyncScope(() => import(url))
      const result = loaded.then(load)
      loaded = result.catch(() => {})
      return result.then(() => {})
    })
}
