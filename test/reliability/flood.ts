/**
 * More requests than a server can serve: sent at a fixed rate whatever the responses, by clients that give up after a
 * second.
 */

import { connect, type Socket } from 'node:net'

export type FloodOptions = {
  readonly port: number
  /** The bytes of one request. */
  readonly request: string
  /** Requests a second. */
  readonly rate: number
  readonly seconds: number
  /** Concurrent connections; each has one request in progress. */
  readonly connections: number
  /** Whether each request has its own connection. */
  readonly fresh?: boolean
}

export type FloodResult = {
  readonly sent: number
  /** Responded with 200 before the client gave up. */
  readonly good: number
  readonly refused: number
  readonly gaveUp: number
  readonly lost: number
  /** Due while every connection waited for its response. */
  readonly unsent: number
  /** Of the good ones, in milliseconds. */
  readonly p50: number
  readonly p99: number
}

/** Milliseconds. */
const patience = 1000

type Slot = { socket: Socket; sentAt: number; received: string }

export async function flood(options: FloodOptions): Promise<FloodResult> {
  const { port, request, rate, seconds, connections, fresh = false } = options
  const idle: Slot[] = []
  const open = new Set<Slot>()
  const times: number[] = []
  const counts = { sent: 0, good: 0, refused: 0, gaveUp: 0, lost: 0, unsent: 0 }

  const drop = (slot: Slot): void => {
    if (!open.delete(slot)) return
    const at = idle.indexOf(slot)
    if (at >= 0) idle.splice(at, 1)
    slot.socket.destroy()
  }

  const take = (slot: Slot, chunk: string): void => {
    slot.received += chunk
    const end = slot.received.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(slot.received)?.[1] ?? 0)
    if (slot.received.length < end + 4 + length || slot.sentAt === 0) return
    if (slot.received.startsWith('200', 9)) {
      counts.good += 1
      times.push(performance.now() - slot.sentAt)
    } else counts.refused += 1
    slot.sentAt = 0
    slot.received = ''
    if (fresh) drop(slot)
    else idle.push(slot)
  }

  const ask = (slot: Slot): void => {
    slot.sentAt = performance.now()
    counts.sent += 1
    slot.socket.write(request, 'latin1')
  }

  const openAnother = (): Slot => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1')
    const slot: Slot = { socket, sentAt: 0, received: '' }
    const end = (): void => {
      if (open.has(slot) && slot.sentAt > 0) counts.lost += 1
      drop(slot)
    }
    socket.on('error', end).on('close', end)
    socket.on('data', (chunk: unknown) => take(slot, String(chunk)))
    open.add(slot)
    return slot
  }

  const giveUp = (now: number): void => {
    for (const slot of open)
      if (slot.sentAt > 0 && now - slot.sentAt > patience) {
        counts.gaveUp += 1
        drop(slot)
      }
  }

  const start = performance.now()
  let due = 0
  let lookedAt = start
  for (let now = start; now < start + seconds * 1000; now = performance.now()) {
    for (; due < ((now - start) * rate) / 1000; due++) {
      const slot = idle.pop() ?? (open.size < connections ? openAnother() : undefined)
      if (slot) ask(slot)
      else counts.unsent += 1
    }
    if (now - lookedAt > 50) {
      giveUp(now)
      lookedAt = now
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  for (const slot of [...open]) drop(slot)
  const sorted = times.sort((one, other) => one - other)
  const at = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? Number.NaN)
  return { ...counts, p50: at(0.5), p99: at(0.99) }
}
