/** Parses one HTTP/1.1 response from the data that a socket has received so far (RFC 9112 §6). */

export type Answer = { readonly status: number; readonly body: string }

/** Returns undefined while the response is incomplete. */
export function parseAnswer(received: string): Answer | undefined {
  const split = received.indexOf('\r\n\r\n')
  if (split < 0) return undefined
  const head = received.slice(0, split)
  const status = Number(head.slice(9, 12))
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)
  const start = split + 4
  if (length) {
    const end = start + Number(length[1])
    return received.length >= end ? { status, body: received.slice(start, end) } : undefined
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) throw new Error(`an answer of unknown length: ${head}`)
  return received.endsWith('0\r\n\r\n') ? { status, body: joinChunks(received.slice(start)) } : undefined
}

function joinChunks(coded: string): string {
  let body = ''
  for (let at = 0; ; ) {
    const line = coded.indexOf('\r\n', at)
    const size = Number.parseInt(coded.slice(at, line), 16)
    if (!(size > 0)) return body
    body += coded.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
}
