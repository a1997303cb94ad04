/**
 * A process for tests of locks.
 * - `hold FOLDER`: takes the lock, prints "held" and keeps it.
 * - `take FOLDER`: takes the lock and releases it; prints "taken" or the code of the error.
 * - `count FOLDER FILE TIMES`: increments the number in the file, each time with the lock, and prints a dot for each.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileLock } from '@tessera/client/node'

const [, , task, folder = '', file = '', times = '0'] = process.argv
const lock = fileLock(folder)

if (task === 'hold')
  await lock('a', async () => {
    process.stdout.write('held')
    await sleep(60_000)
  })

if (task === 'take')
  process.stdout.write(
    await lock('a', async () => 'taken').catch((error: { readonly code?: string }) => `${error.code}`),
  )

for (let count = 0; task === 'count' && count < Number(times); count++)
  await lock('a', async () => {
    const number = Number(readFileSync(file, 'utf8'))
    await sleep(1)
    if (Number(readFileSync(file, 'utf8')) !== number) process.stdout.write('two owners')
    // A killed process does not leave half a number: it is one short write.
    writeFileSync(file, `${number + 1}`, { flag: 'r+' })
    process.stdout.write('.')
  })
