/** A memory store that records the calls to it. */

import type { Stores } from '../../packages/server/src/model/ports/stores.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'

export type CountingStores = {
  readonly stores: Stores
  /** `port.method`, the oldest first. */
  readonly calls: string[]
}

const reads =
  /\.(find|findBy\w+|has|hasOrigin|get|all|any|anyDue|ofUser|of|list|clients|stillGiven|until|disabled|from\w*|lock|epoch\w*|revision|shared|clientIndex)$/

export const isWrite = (call: string): boolean => call !== 'ready' && !reads.test(call)

/** Returns whether the server makes this call in the background, independently of requests. */
export const isBackground = (call: string): boolean =>
  /^(waitingMails\.anyDue|settings\.get|keys\.all|principals\.\w+|entries\.(revision|shared|clientIndex))$/.test(
    call,
  )

export function createCountingStores(): CountingStores {
  const calls: string[] = []
  const counted = (port: object, name: string): object =>
    new Proxy(port, {
      get(target, method) {
        const value = Reflect.get(target, method)
        if (typeof value !== 'function') return value
        return (...given: unknown[]) => {
          calls.push(`${name}.${String(method)}`)
          return value(...given)
        }
      },
    })
  const stores = Object.fromEntries(
    Object.entries(createMemoryStores()).map(([name, port]) => [
      name,
      typeof port === 'function'
        ? (...given: never[]) => {
            calls.push(name)
            return (port as (...given: never[]) => unknown)(...given)
          }
        : typeof port === 'object'
          ? counted(port, name)
          : port,
    ]),
  )
  return { stores: stores as Stores, calls }
}
