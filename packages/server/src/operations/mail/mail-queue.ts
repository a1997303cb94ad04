/**
 * Queues emails, sealed in the store, and sends them from there. An email is composed after the response, so that the
 * response time does not reveal whether an email is sent. If a process dies while sending, another one sends the email
 * after the claim has expired. Users may therefore receive an email twice, but none is lost before it expires.
 */

import type { Seconds } from '@tessera/protocol/brand'
import { newTimedId } from '../../model/handle.ts'
import type { Sealing } from '../../model/keys.ts'
import {
  MailRefused,
  mailName,
  type OutgoingMail,
  type SealedMail,
  type SendMail,
  type WaitingMail,
} from '../../model/mail.ts'
import type { Stores } from '../../model/ports/stores.ts'
import { createClaimLoop, createDeliveries } from '../../runtime/async/claim-loop.ts'
import { createDeference } from '../../runtime/async/deference.ts'
import { type Clock, type Log, passedBy, type Random } from '../../runtime/ports.ts'
import { repeatedLine } from '../../runtime/repeated-line.ts'

type MailQueue = {
  /** Composes, stores and sends an email. Logs failures. Calls `onLost` if the email could not be stored. */
  readonly send: (compose: () => Promise<OutgoingMail | undefined>, onLost?: () => Promise<void>) => void
  /** Sends all emails that are due, also those of other processes. Simultaneous calls share one run. */
  readonly deliver: () => Promise<void>
  /** Resolves when nothing is in progress. */
  readonly settled: () => Promise<void>
  /** Sends for a few seconds what is due and in progress. The rest remains in the store. */
  readonly close: () => Promise<void>
}

type MailQueuePorts = {
  readonly stores: Pick<Stores, 'waitingMails'>
  readonly sealing: Sealing
  readonly send: SendMail
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const mostUnderWay = 200
const mostWaiting = 10_000
const atOnce = 4
/** Longer than sending takes. */
const claimLasts: Seconds = 300
/** Until an email that may have expired is checked again. */
const uncertain: Seconds = 600
/** The delays after the first attempts; the last one applies to all later attempts. */
const backoff: readonly Seconds[] = [10, 60, 300, 900, 3600]

/** The pattern takes quadratic time. */
const mostOfError = 1000

/** Masks the local part of email addresses, because submission servers repeat them in their errors. */
const withoutAddresses = (text: string): string =>
  text.slice(0, mostOfError).replace(/[^\s<>"'(),;:@]+@(?=[^\s<>@])/g, '***@')

export function createMailQueue({
  stores: { waitingMails },
  sealing,
  send,
  clock,
  random,
  log,
}: MailQueuePorts): MailQueue {
  const underWay = new Set<Promise<void>>()
  /** Why the latest delivery failed; undefined if one succeeded since. */
  let lastError: string | undefined
  const logFull = repeatedLine(log.error, { event: 'mail_failed', count: 'mails' })
  const others = createDeference(clock)
  const loop = createClaimLoop<WaitingMail>({
    atOnce,
    anyDue: () => !others.mustWait() && waitingMails.anyDue(clock.now()),
    async claim(limit) {
      const now = clock.now()
      return waitingMails.claim(now, now + claimLasts, limit)
    },
    work: sendOne,
  })

  const { logFailure, close } = createDeliveries({
    logError: error => log.error('mail_failed', { error }),
    settled,
    stop: loop.stop,
  })

  async function write(
    compose: () => Promise<OutgoingMail | undefined>,
    onLost: () => Promise<void>,
  ): Promise<void> {
    try {
      const outgoing = await compose()
      if (outgoing && !(await keep(outgoing))) {
        const cause = lastError ?? 'no delivery by this process has failed'
        logFull({ error: `${mostWaiting} emails are waiting`, cause })
        return onLost()
      }
    } catch (error) {
      log.error('mail_failed', { error: String(error) })
      return onLost()
    }
    // Not awaited: once stored, an email no longer counts as in progress, however long the submission server takes.
    if (!loop.wakes()) void loop.run().catch(logFailure)
  }

  /** Returns false if too many are waiting. */
  async function keep({ lasts, ...mail }: OutgoingMail): Promise<boolean> {
    const id = newTimedId<string>(random)
    const now = clock.now()
    const sealed = sealing.seal(JSON.stringify(mail), mailName(id))
    const waiting = { id, sealed, attempts: 0, due_at: now, expires_at: now + lasts }
    return waitingMails.add(waiting, mostWaiting)
  }

  async function sendOne(waiting: WaitingMail): Promise<void> {
    if (sealing.isOfNewerKey(waiting.sealed)) {
      others.defer()
      return waitingMails.postpone(waiting, clock.now())
    }
    try {
      if (waiting.expires_at > clock.now()) {
        const { sub: _, ...mail } = JSON.parse(
          sealing.open(waiting.sealed, mailName(waiting.id)),
        ) as SealedMail
        await send(mail)
        lastError = undefined
      }
      // The clock may be ahead: the email is kept until it has certainly expired.
      else if (waiting.expires_at > passedBy(clock))
        return await waitingMails.postpone(waiting, clock.now() + uncertain)
    } catch (error) {
      return retryLater(waiting, error)
    }
    await waitingMails.remove(waiting.id)
  }

  async function retryLater(waiting: WaitingMail, error: unknown): Promise<void> {
    const { id, attempts, expires_at } = waiting
    const wait = backoff[attempts - 1] ?? backoff.at(-1) ?? 0
    const next = clock.now() + wait
    const text = withoutAddresses(String(error))
    if (!(error instanceof MailRefused)) lastError = text
    if (passedBy(clock) + wait >= expires_at || error instanceof MailRefused) {
      log.error('mail_failed', { error: text, attempts })
      return waitingMails.remove(id)
    }
    log.warn('mail_delayed', { error: text, attempts, next_at: next })
    await waitingMails.postpone(waiting, next)
  }

  async function settled(): Promise<void> {
    while (underWay.size > 0) await Promise.all(underWay)
    // The caller that started the run logs the failure.
    await loop.settled()
  }

  return {
    deliver: loop.run,
    settled,
    close,
    send(compose, onLost = async () => {}) {
      const isFull = underWay.size >= mostUnderWay
      if (isFull) log.error('mail_failed', { error: 'too many emails are being composed' })
      const writing = isFull
        ? onLost()
        : new Promise<void>(resolve => setImmediate(() => resolve(write(compose, onLost))))
      underWay.add(writing)
      void writing.finally(() => underWay.delete(writing))
    },
  }
}
