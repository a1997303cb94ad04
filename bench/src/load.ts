/** A load generator over raw sockets: little work per request, so that one core of it can saturate one core of a server. */

import { connect, type Socket } from 'node:net'

export type LoadOptions = {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** The next request of a connection, as bytes on the wire; undefined when there is nothing left to ask. */
  readonly next: (connection: number, lastBody: string | undefined) => string | undefined
}

export type LoadResult = {
  readonly requests: number
  readonly seconds: number
  readonly failures: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

/** Keeps every connection busy, one request at a time, until the time is over. Counts answers other than 200 as failures. */
export async function load({ port, connections, seconds, next }: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = []
  let failures = 0
  const start = performance.now()
  const end = start + seconds * 1000
  const sleep = stayAwake()
  await Promise.all(Array.from({ length: connections }, (_, connection) => drive(connection)))
  sleep()
  const took = (performance.now() - start) / 1000
  latencies.sort((left, right) => left - right)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN
  return { requests: latencies.length, seconds: took, failures, p50: at(0.5), p99: at(0.99) }

  function drive(connection: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.setEncoding('latin1')
      let sentAt = 0
      let buffer = ''
      const ask = (lastBody: string | undefined): void => {
        sentAt = performance.now()
        const request = sentAt < end ? next(connection, lastBody) : undefined
        if (request === undefined) finish(socket, resolve)
        else socket.write(request)
      }
      socket.on('connect', () => ask(undefined))
      socket.on('error', reject)
      socket.on('data', (chunk: string) => {
        buffer += chunk
        const answer = wholeAnswer(buffer)
        if (!answer) return
        buffer = ''
        latencies.push(performance.now() - sentAt)
        if (!answer.head.startsWith('HTTP/1.1 200')) failures += 1
        ask(answer.body)
      })
    })
  }
}

const finish = (socket: Socket, resolve: () => void): void => {
  socket.once('close', () => resolve())
  socket.end()
}

/**
 * Polls instead of sleeping while the load lasts: else the server pays for waking this process with each answer (20 to
 * 40 µs of its CPU on a virtual machine), the more the faster the load is.
 */
function stayAwake(): () => void {
  let awake = true
  const turn = (): void => {
    if (awake) setImmediate(turn)
  }
  turn()
  return () => {
    awake = false
  }
}

function wholeAnswer(buffer: string): { head: string; body: string } | undefined {
  const split = buffer.indexOf('\r\n\r\n')
  if (split < 0) return undefined
  const head = buffer.slice(0, split)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)
  if (!length) throw new Error(`an answer without content-length: ${head}`)
  const body = buffer.slice(split + 4)
  return body.length >= Number(length[1]) ? { head, body } : undefined
}
