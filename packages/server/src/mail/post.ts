/** Mail is written and sent behind the answer that it belongs to: how long that takes tells nobody whether there was one. */

import type { Mail, SendMail } from '../core/mail.ts'
import type { Log } from '../core/runtime.ts'

export type Post = {
  /** Composes and sends; what goes wrong is logged. */
  readonly send: (compose: () => Promise<Mail | undefined>) => void
  /** Fulfilled when nothing is under way. */
  readonly settled: () => Promise<void>
}

const mostUnderWay = 200
const attempts = 3

export function createPost({ send, log, pause = wait }: PostPorts): Post {
  const underWay = new Set<Promise<void>>()

  async function deliver(compose: () => Promise<Mail | undefined>): Promise<void> {
    try {
      const mail = await compose()
      if (mail) await insist(mail)
    } catch (error) {
      log.error('mail_failed', { error: String(error) })
    }
  }

  async function insist(mail: Mail): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await send(mail)
      } catch (error) {
        if (attempt === attempts) throw error
        log.warn('mail_delayed', { error: String(error), attempt })
        await pause(attempt * 2000)
      }
    }
  }

  return {
    send(compose) {
      if (underWay.size >= mostUnderWay) return log.error('mail_failed', { error: 'too many are under way' })
      const delivery = new Promise<void>(resolve => setImmediate(() => resolve(deliver(compose))))
      underWay.add(delivery)
      void delivery.finally(() => underWay.delete(delivery))
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay)
    },
  }
}

type PostPorts = {
  readonly send: SendMail
  readonly log: Log
  /** Waits for so many milliseconds. */
  readonly pause?: (milliseconds: number) => Promise<void>
}

const wait = (milliseconds: number) => new Promise<void>(resolve => setTimeout(resolve, milliseconds))
