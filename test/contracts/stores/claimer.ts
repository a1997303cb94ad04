/** A separate process that claims logout notices until none is due, and reports them to its parent. */

import { openNamed } from './open.ts'
import { day, now } from './samples.ts'

const stores = await openNamed()

process.on('message', async () => {
  const keys: string[] = []
  while (await stores.logoutNotices.anyDue(now)) {
    const claimed = await stores.logoutNotices.claim(now, now + day, 7)
    keys.push(...claimed.map(({ sid, client_id }) => `${sid} ${client_id}`))
  }
  await stores.close()
  process.send?.(keys)
  process.disconnect?.()
})

process.send?.('ready')
