/**
 * Whatever tabs do at the same time, whatever the network loses, and wherever tabs are closed: a session is not lost, and
 * its refresh family gets no second branch.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createLock,
  createSession,
  type Lock,
  memoryStore,
  type Session,
  type SessionStore,
} from '@tessera/client'
import fc from 'fast-check'
import { startSessionWorld } from './session-world.ts'

/** A mishap at one step of a tab. `closed` tabs do nothing more, and the browser releases their locks. */
type Mishap = 'request lost' | 'response lost' | 'closed before' | 'closed after' | undefined

const call = fc.record({ tab: fc.nat({ max: 2 }), name: fc.constantFrom('accessToken', 'refresh', 'renew') })
const roundsWith = (exchange: readonly Mishap[], save: readonly Mishap[]) =>
  fc.array(
    fc.record({
      calls: fc.array(call, { minLength: 1, maxLength: 6 }),
      exchanges: fc.array(fc.constantFrom(undefined, ...exchange), { minLength: 1, maxLength: 4 }),
      saves: fc.array(fc.constantFrom(undefined, ...save), { maxLength: 2 }),
      pause: fc.integer({ min: 0, max: 700 }),
    }),
    { minLength: 1, maxLength: 4 },
  )

const cases = {
  // The server returns the same next token within the window.
  'whatever is lost, with a retry window': {
    refresh_token_retry_window: 60,
    rounds: roundsWith(
      ['request lost', 'response lost', 'closed before', 'closed after'],
      ['closed before', 'closed after'],
    ),
  },
  // The server treats each second use as theft, so only the lock protects the session.
  'whatever is not sent, without a retry window': {
    refresh_token_retry_window: 0,
    rounds: roundsWith(['request lost', 'closed before'], ['closed after']),
  },
}

for (const [name, { refresh_token_retry_window, rounds: allRounds }] of Object.entries(cases))
  test(`session: no interleaving of tabs loses it or forks its family, ${name}`, async () => {
    const world = await startSessionWorld({ refresh_token_retry_window, access_token_lifetime: 600 })
    let mishaps = 0
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), allRounds, async (scheduler, rounds) => {
        const turn = scheduler.scheduleFunction(async () => undefined)
        const kept = memoryStore()
        const lock = createLock()
        const plan: { exchanges: Mishap[]; saves: Mishap[] } = { exchanges: [], saves: [] }
        const before = world.refusals().length

        /** Opens a tab. A tab that was closed never continues. */
        const openTab = (): Session => {
          const closing = Promise.withResolvers<never>()
          closing.promise.catch(() => undefined)
          const never = new Promise<never>(() => undefined)
          let isClosed = false
          const close = (): Promise<never> => {
            isClosed = true
            closing.reject(new Error('the tab is closed'))
            return never
          }
          const step = async <Value>(work: () => Promise<Value> | Value, fate?: Mishap): Promise<Value> => {
            await turn()
            if (isClosed) return never
            if (fate) mishaps += 1
            if (fate === 'closed before') return close()
            if (fate === 'request lost') throw new TypeError('the connection was refused')
            const value = await work()
            await turn()
            if (isClosed) return never
            if (fate === 'closed after') return close()
            if (fate === 'response lost') throw new TypeError('the connection was reset')
            return value
          }
          const store: SessionStore = {
            load: () => step(() => kept.load()),
            save: tokens => step(() => kept.save(tokens), plan.saves.shift()),
            clear: () => step(() => kept.clear()),
          }
          const tabLock: Lock = (name, work) => lock(name, () => Promise.race([work(), closing.promise]))
          const client = world.connect((url, init) =>
            url.endsWith('/connect/token')
              ? step(() => world.fetch(url, init), plan.exchanges.shift())
              : world.fetch(url, init),
          )
          return createSession(client, {
            ...{ store, lock: tabLock, random: () => 0 },
            sleep: async seconds => {
              await turn()
              world.clock.advance(seconds)
            },
          })
        }

        const tabs = [openTab(), openTab(), openTab()]
        await scheduler.waitFor(tabs[0]!.start(await world.signIn()))
        for (const { calls, exchanges, saves, pause } of rounds) {
          Object.assign(plan, { exchanges: [...exchanges], saves: [...saves] })
          const { access_token = '' } = (await kept.load()) ?? {}
          const made = calls.map(({ tab, name }) =>
            name === 'renew' ? tabs[tab]!.renew(access_token) : tabs[tab]![name as 'refresh'](),
          )
          // Calls of a tab that was closed before they needed the lock never end, so others are not awaited.
          const settled = Promise.allSettled(made.map(one => Promise.race([one, idle()])))
          await scheduler.waitFor(settled)
          Object.assign(plan, { exchanges: [], saves: [] })
          tabs.splice(0, 3, openTab(), openTab(), openTab())
          const repaired = await scheduler.waitFor(tabs[1]!.refresh())
          if (!repaired.ok) throw repaired.error
          world.clock.advance(pause)
        }
        assert.deepEqual(world.refusals().slice(before), [])
        assert.ok(await world.isAlive(kept))

        /** Resolves when nothing is left that could run. */
        async function idle(): Promise<void> {
          for (let quiet = 0; quiet < 20; quiet++) {
            await new Promise(resolve => setImmediate(resolve))
            if (scheduler.count() > 0) quiet = 0
          }
        }
      }),
      { numRuns: 30 },
    )
    // About 80, by chance.
    assert.ok(mishaps > 0)
  })
