/** Reads the body of a request from its connection, within limits. */

import type { IncomingMessage } from 'node:http'

export type BodyOutcome =
  | { readonly body: string }
  | { readonly tooLarge: true }
  | { readonly lost: true }
  | { readonly alreadyRead: true }

/** Node emits each chunk separately, and each retains the whole read buffer: bodies in one-byte chunks took gigabytes. */
export const mostParts = 1024

/**
 * Calls `onExcess` and discards the rest if a chunked body has too many chunks, even while its request is queued. Node
 * buffers every chunk of a read, which can be thousands of one byte each.
 */
export function limitParts(raw: IncomingMessage, onExcess: () => void): void {
  const push = raw.push.bind(raw)
  let parts = 0
  raw.push = (part: unknown) => {
    if (parts < mostParts || (parts === mostParts && part === null)) {
      parts += part === null ? 0 : 1
      return push(part)
    }
    // Its end is discarded too: the request must not be served with a truncated body.
    if (parts === mostParts) {
      parts += 1
      onExcess()
    }
    return false
  }
}

/**
 * Calls `done` once: with the text as UTF-8, when the body exceeds `limit` bytes or comes in too many parts, when the
 * connection ended before the body was complete, or when something else has read the body (it would never arrive).
 */
export function readBody(raw: IncomingMessage, limit: number, done: (outcome: BodyOutcome) => void): void {
  if (raw.readableDidRead) {
    done({ alreadyRead: true })
    return
  }
  // An application may call the listener after the connection has ended.
  if (raw.destroyed) {
    done({ lost: true })
    return
  }
  if (Number(raw.headers['content-length']) > limit) {
    done({ tooLarge: true })
    return
  }
  const chunks: Buffer[] = []
  let size = 0
  let over = false
  const finish = (outcome: BodyOutcome): void => {
    if (over) return
    over = true
    raw.off('data', take)
    done(outcome)
  }
  const take = (chunk: Buffer): void => {
    size += chunk.length
    if (size > limit || chunks.length === mostParts) finish({ tooLarge: true })
    else chunks.push(chunk)
  }
  raw.on('data', take)
  raw.on('end', () => {
    const whole = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
    finish({ body: whole.toString('utf8') })
  })
  raw.on('close', () => finish({ lost: true }))
}
