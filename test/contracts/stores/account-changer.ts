/**
 * A separate process that ends users' access, each with all their rows, until it is killed, and prints what was
 * acknowledged.
 */

import { accessEnding } from './access.ts'
import { samplePending } from './factors.ts'
import { openNamed } from './open.ts'
import { print } from './print.ts'
import { sampleAuthorization, sampleCode, sampleSession, sampleUser } from './samples.ts'

const stores = await openNamed()

async function change(): Promise<never> {
  for (;;) {
    const user = sampleUser()
    const { sub } = user
    const [session, pending] = [sampleSession({ sub, epoch: 0 }), samplePending({ sub, epoch: 0 })]
    const authorization = sampleAuthorization({ sub })
    await stores.storedUsers.add(user)
    await Promise.all([
      stores.sessions.create(session),
      stores.pendingSignIns.create(pending),
      stores.codes.issue(authorization, sampleCode(authorization)),
    ])
    await stores.sessions.join(session.sid, 'web')
    print('changing', sub, pending.hash, authorization.id)
    await stores.storedUsers.replace({ ...user, version: 2, epoch: 1 }, accessEnding())
    print('changed', sub)
  }
}

await Promise.all(Array.from({ length: 16 }, change))
