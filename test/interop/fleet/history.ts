/** All requests and responses, in order, and what must not occur in them. */

import assert from 'node:assert/strict'

export type Exchange = {
  readonly kind: 'password' | 'refresh' | 'code' | 'page' | 'introspection'
  readonly node: number
  /** The refresh token or the code that it would consume. */
  readonly uses: string
  readonly began: number
  readonly ended: number
  /** `lost`: no response came. */
  readonly status: number | 'lost'
  /** Whether its node has logged an overload or a stall. */
  readonly pressed?: () => boolean
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly text: string
}

/** During which outage: `database`, or a node. */
type Absence = { readonly what: string; readonly from: number; to: number }

export type History = {
  readonly exchanges: readonly Exchange[]
  /** A position in the order of all events. */
  readonly tick: () => number
  readonly add: (exchange: Omit<Exchange, 'ended'>) => Exchange
  /** Returns a function that records the end of the outage. */
  readonly away: (what: string) => () => void
  readonly absences: readonly Absence[]
}

export function createHistory(): History {
  const exchanges: Exchange[] = []
  const absences: Absence[] = []
  let ticks = 0
  const tick = (): number => ++ticks
  return {
    ...{ exchanges, absences, tick },
    add(exchange) {
      const whole = { ...exchange, ended: tick() }
      exchanges.push(whole)
      return whole
    },
    away(what) {
      const absence: Absence = { what, from: tick(), to: Number.POSITIVE_INFINITY }
      absences.push(absence)
      return () => {
        absence.to = tick()
      }
    },
  }
}

export const json = ({ text }: Exchange): any => JSON.parse(text)

/** Whether it is unknown if it was done. */
export const isUnknown = ({ status }: Exchange): boolean => status === 'lost' || status === 503

/** No credential is used twice, and every response is one of the promised ones. */
export function check(history: History): void {
  const { exchanges } = history
  for (const exchange of exchanges) requireExpected(history, exchange)

  const byCredential = Map.groupBy(
    exchanges.filter(({ uses }) => uses !== ''),
    ({ kind, uses }) => `${kind} ${uses}`,
  )
  for (const used of byCredential.values()) {
    const successes = used.filter(({ status }) => status === 200)
    if (used[0]?.kind === 'code') {
      assert.ok(successes.length <= 1, 'a code was redeemed twice')
      if (!used.some(isUnknown)) assert.equal(successes.length, 1, 'a code was redeemed by nobody')
    } else {
      // A retry returns the same next token: no second branch of the family exists.
      const next = new Set(successes.map(one => json(one).refresh_token))
      assert.ok(next.size <= 1, 'a refresh token had two successors')
    }
  }
}

function requireExpected({ absences }: History, exchange: Exchange): void {
  const during = (what: string): boolean =>
    absences.some(one => one.what === what && one.from < exchange.ended && exchange.began < one.to)
  const description = `${exchange.kind} at node ${exchange.node}: ${exchange.status} ${exchange.text}`
  switch (exchange.status) {
    case 200:
    case 302:
    case 303:
      return
    case 503:
      assert.match(String(exchange.headers['retry-after']), /^\d+$/, description)
      assert.ok(during('database') || exchange.pressed?.(), description)
      return
    case 'lost':
      assert.ok(during(`node ${exchange.node}`), description)
      return
    default:
      // Of two concurrent redemptions of one code, one is late.
      assert.ok(exchange.kind === 'code' && json(exchange).error === 'invalid_grant', description)
  }
}
