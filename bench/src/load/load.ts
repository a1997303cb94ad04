/** The load: connections that ask as fast as they are answered, or all together at a steady rate. Every answer is checked. */

import { type Connection, openConnection } from './connection.ts'
import { type Latencies, latenciesOf } from './latencies.ts'

export type Asking = {
  /** The next request of a connection, as bytes on the wire; undefined when there is nothing left to ask. */
  readonly next: (connection: number, lastBody: string | undefined) => string | undefined
  /** What is wrong with an answer of status 200; undefined if nothing is. */
  readonly check: (body: string) => string | undefined
  /** So many requests of each connection are made even when the time is over: 1 by default. */
  readonly atLeast?: number
}

export type LoadOptions = Asking & {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** Requests a second of all connections together; as many as go unless given. */
  readonly rate?: number
  /** See `stayAwake`; true unless said otherwise. */
  readonly polls?: boolean
}

export type LoadResult = Latencies & {
  /** Each was answered and checked. */
  readonly requests: number
  readonly seconds: number
}

/** How long the last answers may take. */
const patienceSeconds = 60

/** Rejects when an answer is wrong or does not come, or a connection is lost. */
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

  /** A request that no connection is free for waits, and its time counts from when it was due. */
  function keepRate(perSecond: number): void {
    const now = performance.now()
    while (idle.length > 0) {
      const due = start + (scheduled * 1000) / perSecond
      if (due > now && now < end) return
      scheduled += 1
      ask(idle.shift()!, due)
    }
  }

  const overdue = setTimeout(() => fail(new Error('no answer came')), (seconds + patienceSeconds) * 1000)
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
 * Polls instead of sleeping while the load lasts: else the server pays for waking this process with each answer (20 to
 * 40 µs of its CPU on a virtual machine), the more the faster the load is.
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
