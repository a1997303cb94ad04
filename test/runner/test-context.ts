/**
 * Preloaded into each process that runs tests, before `node:test`: lets the test runner find the current test without
 * following every promise. By default it has async hooks for all promises (https://nodejs.org/api/async_hooks.html),
 * which cost a tenth of the CPU time of a run, and more garbage collection. Instead, the current test is kept in an
 * `AsyncLocalStorage`, which the runner supports by its tracing channel. Nothing else changes: an error outside of a test's
 * promise still fails that test.
 */

import asyncHooks, { AsyncLocalStorage, type HookCallbacks } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import { syncBuiltinESMExports } from 'node:module'
import { runsTests } from './runs-tests.ts'

if (runsTests) await followTests()

/** Replaces the two functions of `node:async_hooks` that the runner uses while the runner is loaded. */
async function followTests(): Promise<void> {
  const { createHook, executionAsyncId } = asyncHooks
  const current = new AsyncLocalStorage<{ readonly id: number }>()
  /** The ids of tests, and of what they started except promises. */
  const known = new Set<number>()
  tracingChannel('node.test').start.bindStore(current, () => ({ id: executionAsyncId() }))

  const createTestHook = ({ init, destroy }: HookCallbacks) =>
    createHook({
      trackPromises: false,
      init(id, type, trigger, resource) {
        if (known.has(trigger) || /^(?:Sub|Test|Suite)/.test(resource.constructor?.name ?? '')) known.add(id)
        init?.(id, type, trigger, resource)
      },
      destroy(id) {
        known.delete(id)
        destroy?.(id)
      },
    } as HookCallbacks)
  const testAsyncId = (): number => {
    const id = executionAsyncId()
    return known.has(id) ? id : (current.getStore()?.id ?? id)
  }

  Object.assign(asyncHooks, { createHook: createTestHook, executionAsyncId: testAsyncId })
  await import('node:test')
  Object.assign(asyncHooks, { createHook, executionAsyncId })
  syncBuiltinESMExports()
}
