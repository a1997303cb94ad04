/**
 * Calls an operator's callbacks. They run after the write, and no request waits for them, so a callback that throws or
 * hangs affects no request.
 */

import type { Seconds } from '@tessera/protocol/brand'
import { type EventCallbacks, type EventType, eventTypes, isByStrangers } from '../../model/events.ts'
import { callHook, type Hook, HookError, hookFields } from '../../model/hook.ts'
import type { Log } from '../../runtime/ports.ts'
import { repeatedLine } from '../../runtime/repeated-line.ts'
import { describeThrown } from '../../runtime/thrown.ts'

export type Callbacks = {
  readonly has: (type: EventType) => boolean
  /** @param body the event as JSON. Each callback gets its own object. */
  readonly call: (type: EventType, body: string) => void
  /** Resolves when no callback is in progress. */
  readonly settled: () => Promise<void>
}

/** Callbacks in progress. Further ones are not called. */
export const mostUnderWay = 1000
/** Of them, for events that strangers can cause. */
const mostForStrangers = 500

type Callback = Hook<unknown, unknown>

/** @param limit how long one may take. */
export function createCallbacks(
  callbacks: EventCallbacks,
  { limit, log }: { readonly limit: Seconds; readonly log: Log },
): Callbacks {
  const underWay = new Set<Promise<void>>()
  const byStrangers = new Set<Promise<void>>()
  const logDropped = repeatedLine(log.error, { event: 'event_callbacks_dropped', count: 'events' })
  const named = (type: EventType): readonly (readonly [name: string, callback: Callback])[] =>
    ([type, '*'] as const).flatMap(name => {
      const callback = callbacks[name] as Callback | undefined
      return callback ? [[`events["${name}"]`, callback] as const] : []
    })
  const byType = new Map(eventTypes.map(type => [type, named(type)]))
  const callbacksOf = (type: EventType) => byType.get(type) ?? []

  async function run(hook: string, callback: Callback, body: string): Promise<void> {
    // In a later event-loop tick, so that the response is sent first.
    await new Promise(resolve => setImmediate(resolve))
    try {
      await callHook({ hook, limit }, context => callback(JSON.parse(body), context), ignored)
    } catch (error) {
      const fields =
        error instanceof HookError ? hookFields(error) : { hook, problem: describeThrown(error).text }
      log.error('event_callback_failed', fields)
    }
  }

  return {
    has: type => callbacksOf(type).length > 0,
    call(type, body) {
      for (const [hook, callback] of callbacksOf(type)) {
        const own = isByStrangers(type) ? byStrangers : undefined
        if (underWay.size >= mostUnderWay || (own && own.size >= mostForStrangers)) {
          logDropped({ hook, problem: 'too many callbacks are in progress' })
          continue
        }
        const running = run(hook, callback, body).finally(() => {
          underWay.delete(running)
          own?.delete(running)
        })
        underWay.add(running)
        own?.add(running)
      }
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay)
    },
  }
}

const ignored = (): undefined => undefined
