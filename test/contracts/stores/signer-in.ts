/** A separate process that repeatedly signs a user in, with the user's state as it read it, until it is stopped. */

import { setImmediate } from 'node:timers/promises'
import { openNamed } from './open.ts'
import { sampleSession } from './samples.ts'

const sub = process.argv[3] ?? ''
const stores = await openNamed()
let stopped = false
process.once('message', () => {
  stopped = true
})

async function signIn(): Promise<number> {
  let made = 0
  while (!stopped) {
    const epoch = (await stores.storedUsers.find(sub))?.epoch
    await setImmediate()
    if (epoch !== undefined && (await stores.sessions.create(sampleSession({ sub, epoch })))) made++
    if (made === 1) process.send?.('signing in')
  }
  return made
}

await Promise.all(Array.from({ length: 4 }, signIn))
await stores.close()
process.send?.('stopped')
process.disconnect?.()
