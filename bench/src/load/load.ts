/**
 * The load: connections that send as fast as responses come, or all together at a constant rate. Every response is
 * checked.
 */

import { type Connection, openConnection } from './connection.ts'
import { type Latencies, latenciesOf } from './latencies.ts'

export type Asking = {
  /** The next request of a connection, as bytes on the wire; undefined if there are no more. */
  readonly next: (connection: number, lastBody: string | undefined) => string | undefined
  /** Returns the problem of a response of status 200; undefined if there is none. */
  readonly check: (body: string) => string | undefined
  /** Each connection sends at least this many requests, even after the time is over: 1 by default. */
  readonly atLeast?: number
}

export type LoadOptions = Asking & {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** Requests a second of all connections together; unlimited by default. */
  readonly rate?: number
  /** See `stayAwake`; true by default. */
  readonly polls?: boolean
}

export type LoadResult = Latencies & {
  /** The number of requests. Every response was checked. */
  readonly requests: number
  readonly seconds: number
}

/** How long the last responses may take. */
const longestWaitSeconds = 60

/** Rejects if a response is wrong or missing, or a connection is lost. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { port, connections, seconds, rate, next, check, atLeast = 1, polls = true } = options
  const times: number[] = []
  const lastBodies: (string | undefined)[] = []
  const dueAt: number[] = []
  const asked = Array.from({ length: connections }, () => 0)
  const idle = Array.from({ length: connections }, (_, index) => index)
  let retired = 0
  let scheduled = 0
  const { promise: done, resolve: finish, reject: fail } = Promise.withResolvers<void>()
  const opened: readonly Connection[] = await Promise.all(
    idle.map(index =>
      openConnection(port, {
        onAnswer: ({ status, body }) => answered(index, status, body),
        onLost: fail,
      }),
    ),
  )
  const start = performance.now()
  const end = start + seconds * 1000

  function ask(index: number, due: number): void {
    const request = due < end || asked[index]! < atLeast ? next(index, lastBodies[index]) : undefined
    if (request === undefined) {
      retired += 1
      if (retired === connections) finish()
      return
    }
    dueAt[index] = due
    asked[index]! += 1
    opened[index]?.ask(request)
  }

  function answered(index: number, status: number, body: string): void {
    const now = performance.now()
    times.push(now - dueAt[index]!)
    const fault = status === 200 ? faultOf(body, check) : `status ${status}: ${body.slice(0, 200)}`
    if (fault !== undefined) {
      fail(new Error(fault))
      return
    }
    lastBodies[index] = body
    if (rate === undefined) ask(index, now)
    else idle.push(index)
  }

  /** A request without a free connection waits, and its response time is measured from when it was due. */
  function keepRate(perSecond: number): void {
    const now = performance.now()
    while (idle.length > 0) {
      const due = start + (scheduled * 1000) / perSecond
      if (due > now && now < end) return
      scheduled += 1
      ask(idle.shift()!, due)
    }
  }

  const overdue = setTimeout(() => fail(new Error('no answer came')), (seconds + longestWaitSeconds) * 1000)
  const sleep =
    polls || rate !== undefined ? stayAwake(rate === undefined ? () => {} : () => keepRate(rate)) : () => {}
  try {
    if (rate === undefined) for (const index of idle) ask(index, performance.now())
    await done
  } finally {
    sleep()
    clearTimeout(overdue)
  }
  const took = (performance.now() - start) / 1000
  await Promise.all(opened.map(connection => connection.close()))
  return { requests: times.length, seconds: took, ...latenciesOf(times) }
}

function faultOf(body: string, check: Asking['check']): string | undefined {
  try {
    return check(body)
  } catch (error) {
    return `${error}: ${body.slice(0, 200)}`
  }
}

/**
 * Polls instead of sleeping during the load: otherwise the server pays for waking this process with each response (20
 * to 40 µs of its CPU on a virtual machine), and more so at higher rates.
 */
function stayAwake(turn: () => void): () => void {
  let awake = true
  const next = (): void => {
    if (!awake) return
    turn()
    setImmediate(next)
  }
  next()
  return () => {
    awake = false
  }
}
