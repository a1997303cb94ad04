/** Limits what an LDAP directory may send, before the client library parses it (RFC 4511 §5.1). */

import type { Socket } from 'node:net'

/** Bytes. An entry contains only the id and the mapped attributes, and its claims have at most 8,192 characters. */
const mostOfMessage = 256 * 1024
const mostOfConnection = 4 * mostOfMessage
/** A response has at most two entries. Other messages are references to other directories. */
const mostMessages = 1000

/**
 * Passes only complete LDAP messages to the socket's readers, and destroys the socket if a message is malformed or too
 * large. The library must not get partial messages: it joins all parts again whenever one arrives, and waits
 * indefinitely for an incomplete length.
 * @param onExcess receives the reason, after the socket was destroyed.
 */
export function bounded<Bounded extends Socket>(socket: Bounded, onExcess: (error: Error) => void): Bounded {
  const push = socket.push.bind(socket)
  const frame = createFraming()
  socket.push = (chunk: Buffer | null) => {
    if (chunk === null) return push(null)
    if (socket.destroyed) return false
    const messages = frame(chunk)
    if (typeof messages === 'string') {
      socket.destroy()
      onExcess(new Error(messages))
      return false
    }
    let wantsMore = true
    for (const message of messages) wantsMore = push(message)
    return wantsMore
  }
  return socket
}

/** Returns a function that takes a chunk and returns the messages that it completes, or why the connection must end. */
export function createFraming(): (chunk: Buffer) => readonly Buffer[] | string {
  let parts: Buffer[] = []
  let waiting = 0
  let needed = 2
  let received = 0
  let count = 0

  return chunk => {
    received += chunk.length
    if (received > mostOfConnection) return `the directory sent more than ${mostOfConnection} bytes`
    parts.push(chunk)
    waiting += chunk.length
    if (waiting < needed) return []
    let rest = Buffer.concat(parts)
    const messages: Buffer[] = []
    for (;;) {
      const length = lengthOf(rest)
      if (length === undefined) return 'the directory sent data that is not an LDAP message'
      if (length > mostOfMessage) return `the directory sent a message of more than ${mostOfMessage} bytes`
      needed = length
      if (rest.length < length) break
      messages.push(rest.subarray(0, length))
      rest = rest.subarray(length)
    }
    count += messages.length
    if (count > mostMessages) return `the directory sent more than ${mostMessages} messages`
    parts = [rest]
    waiting = rest.length
    return messages
  }
}

/**
 * Returns the length of the message that begins here, or the number of bytes needed to determine it. Returns undefined
 * if it is not a sequence of definite length (RFC 4511 §5.1) in at most four bytes.
 */
function lengthOf(bytes: Buffer): number | undefined {
  const [tag, first] = bytes
  if (tag !== undefined && tag !== 0x30) return undefined
  if (first === undefined) return 2
  if (first < 0x80) return 2 + first
  const more = first - 0x80
  if (more === 0 || more > 4) return undefined
  return bytes.length < 2 + more ? 2 + more : 2 + more + bytes.readUIntBE(2, more)
}
