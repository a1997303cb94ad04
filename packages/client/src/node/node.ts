/** The interface of `@tessera/client/node`, for native applications and Node: sign-in, and files for tokens. */

export type { CallbackTexts } from './callback-page.ts'
export { type FileLockOptions, fileLock } from './file-lock.ts'
export { fileStore } from './file-store.ts'
export { type LoopbackOptions, signInWithLoopback } from './loopback.ts'
export { tokenFile } from './token-file.ts'
