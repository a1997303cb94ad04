import { createSession } from '@tessera/client'
import { fileLock, fileStore, signInWithLoopback } from '@tessera/client/node'
import { as, authorizeAs, expect, expectEqual, type PortableCase } from './case.ts'

/** For runtimes with the modules of Node. */
export const nodeCases: readonly PortableCase[] = [
  {
    name: 'a native application signs a user in on a loopback port [RFC 8252 §7.3]',
    async run(world) {
      const signedIn = await signInWithLoopback(as(world, 'native'), {
        scope: 'openid api1',
        async open(url) {
          const page = await fetch(await authorizeAs(world, url))
          expect(page.ok, `the callback page has status ${page.status}`)
        },
      })
      expect(signedIn.ok, `${signedIn.ok || signedIn.error}`)
      expectEqual(signedIn.value.claims?.sub, '88421113', 'sub')
    },
  },
  {
    name: 'a lock of files runs work with the same name one after another',
    async run() {
      const folder = `./locks-${crypto.randomUUID()}`
      const locks = [fileLock(folder), fileLock(folder)]
      let running = 0
      const work = async (): Promise<void> => {
        running += 1
        expectEqual(running, 1, 'running')
        await new Promise(resolve => setTimeout(resolve, 5))
        running -= 1
      }
      await Promise.all([0, 1, 2, 3].map(number => locks[number % 2]?.('name', work)))
      expectEqual(running, 0, 'running')
    },
  },
  {
    name: 'tokens of a session are kept in a file',
    async run(world) {
      const store = fileStore(`./tokens-${crypto.randomUUID()}.json`)
      const tokens = { access_token: 'a', token_type: 'Bearer', members: {} }
      await createSession(as(world, 'app'), { store }).start(tokens)
      const stored = await createSession(as(world, 'app'), { store }).tokens()
      expectEqual(stored?.access_token, 'a', 'access_token')
    },
  },
]
