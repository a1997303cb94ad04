/** A candidate that is a script around a library: it listens, and creates credentials when asked over its channel. */

import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ended, startNode, unlessEnded } from './process.ts'
import type { Ask, PeerMessage } from './protocol.ts'
import type { Candidate, Server } from './server.ts'

const scriptOf = (name: string): string => fileURLToPath(new URL(`./scripts/${name}.ts`, import.meta.url))

type Script = { readonly script: string; readonly env?: Readonly<Record<string, string>> }

export const peer = (about: Omit<Candidate, 'start'> & Script): Candidate => ({
  ...about,
  async start({ cores = 'server' } = {}): Promise<Server> {
    const before = performance.now()
    const child = startNode([scriptOf(about.script)], {
      ...{ cores, stdio: 'channel' },
      ...(about.env && { env: about.env }),
    })
    const receive = async (): Promise<PeerMessage> => {
      const [message] = await unlessEnded(child, once(child, 'message'))
      return message
    }
    const { port } = (await receive()) as { port: number }
    return {
      port,
      paths: about.paths,
      pid: child.pid!,
      startMs: performance.now() - before,
      async prepare(kind, count) {
        child.send({ prepare: kind, count } satisfies Ask)
        return ((await receive()) as { prepared: readonly string[] }).prepared
      },
      // Stopped through its channel: a process that is ended by a signal does not save its compiled modules.
      async stop() {
        child.disconnect()
        await ended(child)
      },
    }
  },
})
