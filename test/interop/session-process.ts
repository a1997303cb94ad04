/**
 * A process with a session in a folder that other processes share. It refreshes the tokens and prints one line of JSON for
 * each result. If it shall stop at a moment, it prints "stopped" then and waits to be killed.
 */

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { clientSecretBasic, createClient, createSession, type Lock, type SessionStore } from '@tessera/client'
import { fileLock, fileStore } from '@tessera/client/node'

/**
 * A moment of a refresh: the lock is held; the request was sent; the response has arrived; the tokens are saved; the lock
 * is about to be released.
 */
export type Moment = 'locked' | 'sent' | 'received' | 'saved'

export type SessionTask = {
  readonly issuer: string
  readonly client_id: string
  readonly secret: string
  readonly folder: string
  /** The access token that is to be replaced. Without one, the process refreshes until it is killed. */
  readonly refused?: string
  readonly stopAt?: Moment
}

export const storeIn = (folder: string): SessionStore => fileStore(join(folder, 'tokens.json'))
export const lockIn = (folder: string): Lock => fileLock(join(folder, 'locks'))

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

if (process.argv[2] !== undefined) await run(JSON.parse(process.argv[2]))

async function run({ issuer, client_id, secret, folder, refused, stopAt }: SessionTask): Promise<void> {
  const stop = (): Promise<never> => {
    print('stopped')
    return new Promise(() => setInterval(() => undefined, 1000))
  }
  const client = createClient({
    ...{ issuer, client_id, authentication: clientSecretBasic(secret) },
    async fetch(url, init) {
      const response = fetch(url, init)
      if (init.method !== 'POST') return response
      if (stopAt === 'sent') return stop()
      await response
      return stopAt === 'received' ? stop() : response
    },
  })
  const kept = storeIn(folder)
  const store: SessionStore = {
    ...kept,
    async save(tokens) {
      await kept.save(tokens)
      if (stopAt === 'saved') await stop()
    },
  }
  const shared = lockIn(folder)
  const lock: Lock = (name, work) => shared(name, () => (stopAt === 'locked' ? stop() : work()))
  const session = createSession(client, { store, lock })
  do {
    const result = await (refused === undefined ? session.refresh() : session.renew(refused))
    print(result.ok ? { access_token: result.value.access_token } : { code: result.error.code })
    // The lock has no queue: without a pause, this process could take it again and again before another one looks.
    await sleep(Math.random() * 60)
  } while (refused === undefined)
}
