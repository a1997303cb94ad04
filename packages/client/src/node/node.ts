/** The interface of `@tessera/client/node`, for Node and native applications. */

export { type FileLockOptions, fileLock } from './file-lock.ts'
export { fileStore } from './file-store.ts'
