/** A process of its own that issues and redeems codes until it is killed, and prints what was acknowledged. */

import { writeSync } from 'node:fs'
import { openSqliteStores } from '../../../packages/server/src/stores/sqlite/stores.ts'
import { issuedCode, now, sampleCommit, sampleFamily } from './samples.ts'

const stores = await openSqliteStores({ file: process.argv[2]! })

/** At once, so that nothing acknowledged is lost with the process; the pipe is full while the reader is busy. */
function print(...words: readonly string[]): void {
  let rest = Buffer.from(`${words.join(' ')}\n`)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

async function write(): Promise<never> {
  for (;;) {
    const { authorization, code } = await issuedCode(stores)
    print('issued', code.hash)
    const family = sampleFamily(authorization)
    const use = { kind: 'authorization_code', hash: code.hash } as const
    print('redeeming', code.hash, family.id)
    const outcome = await stores.commit(
      sampleCommit({
        authorization: { id: authorization.id, until: now },
        use,
        issue: { family },
      }),
    )
    print(outcome, code.hash)
  }
}

await Promise.all(Array.from({ length: 32 }, write))
