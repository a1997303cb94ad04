import { isMainThread } from 'node:worker_threads'

/** False in the programs and threads that a test starts, which inherit what is preloaded. */
export const runsTests = isMainThread && /(?:\.test\.ts|batch-\d+\.mjs)$/.test(process.argv[1] ?? '')
