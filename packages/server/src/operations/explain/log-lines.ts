/**
 * Finds the lines of a log that contain an id. Reads gigabytes in constant memory: chunks are searched as bytes, and only
 * lines that contain an id become text.
 */

import { createReadStream } from 'node:fs'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** Bytes. A longer line is not one of ours. */
const longestLine = 1_048_576
const newline = 10

/** Without `line` if it is too long to be read. */
export type Found = { readonly line?: string }

/** Opens a file for {@link matchingLines}. A gzip file is decompressed, whatever its name. */
export const openLog = (file: string): AsyncIterable<Buffer> =>
  decompressed(createReadStream(file, { highWaterMark: longestLine }))

/** Decompresses bytes that begin like gzip (RFC 1952 §2.3.1), and passes others on. */
export async function* decompressed(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = bytes[Symbol.asyncIterator]()
  const first = await source.next()
  if (first.done) return
  const rest = async function* (): AsyncGenerator<Buffer> {
    yield first.value
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value
  }
  const isGzip = first.value[0] === 0x1f && first.value[1] === 0x8b
  if (!isGzip) yield* rest()
  else yield* pipeline(Readable.from(rest()), createGunzip(), () => {})
}

/** Yields the lines that contain one of the ids, in order. */
export async function* matchingLines(
  chunks: AsyncIterable<Buffer>,
  ids: readonly string[],
): AsyncGenerator<Found> {
  const needles = ids.map(id => Buffer.from(id))
  let rest: Buffer = Buffer.alloc(0)
  let isSkipping = false
  for await (const chunk of chunks) {
    let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    rest = Buffer.alloc(0)
    if (isSkipping) {
      const end = data.indexOf(newline)
      if (end < 0) continue
      data = data.subarray(end + 1)
      isSkipping = false
    }
    const end = data.lastIndexOf(newline) + 1
    yield* linesIn(data.subarray(0, end), needles)
    rest = data.subarray(end)
    if (rest.length <= longestLine) continue
    isSkipping = true
    if (needles.some(needle => rest.includes(needle))) yield {}
    rest = Buffer.alloc(0)
  }
  yield* linesIn(rest, needles)
}

function* linesIn(data: Buffer, needles: readonly Buffer[]): Generator<Found> {
  const starts = new Set<number>()
  for (const needle of needles) {
    for (let index = data.indexOf(needle); index >= 0; ) {
      starts.add(data.lastIndexOf(newline, index) + 1)
      const lineEnd = data.indexOf(newline, index)
      index = lineEnd < 0 ? -1 : data.indexOf(needle, lineEnd)
    }
  }
  for (const start of [...starts].sort((one, other) => one - other)) {
    const end = data.indexOf(newline, start)
    yield { line: data.toString('utf8', start, end < 0 ? data.length : end) }
  }
}
