/**
 * Writes lines to a file descriptor that may be full, slow or closed for a while, without blocking the process. Lines wait
 * in a bounded buffer; further lines are dropped and counted. See docs/decisions/0032-log-sink.md.
 */

import { constants, fstatSync, openSync, write, writeSync } from 'node:fs'
import { Socket } from 'node:net'

export type LineSink = {
  /** Queues a line, which ends in a line feed, or drops it if the buffer is full. Does not block or throw. */
  readonly write: (line: string) => void
  /** Returns how many lines were dropped since the start. */
  readonly dropped: () => number
  /** Resolves when everything is written, or after `milliseconds`. */
  readonly settle: (milliseconds: number) => Promise<void>
}

type DroppedLines = {
  readonly dropped: number
  /** The last error of the descriptor, such as ENOSPC; undefined if it was only slow. */
  readonly error: string | undefined
}

type LineSinkOptions = {
  readonly fd: number
  /** Other processes write lines to the same place. */
  readonly shared?: boolean
  /** Bytes that may wait; 1 MiB by default. */
  readonly capacity?: number
  /** Called when there is room again after lines were dropped. May write lines. */
  readonly onResume?: (lost: DroppedLines) => void
}

/** Writes of up to this many bytes to a pipe are atomic (POSIX `PIPE_BUF` on Linux), so lines of several processes do not interleave. */
const atomicBytes = 4096
const chunkBytes = 65_536

/**
 * The shortest and longest delay between two attempts, in milliseconds: for a slow reader, and for a descriptor that
 * reports an error.
 */
const retries = { slow: [5, 100], failing: [100, 1000] } as const
/** Milliseconds that the end of the process waits for the last lines. */
const exitLimit = 1000
/** Milliseconds to wait for a write that is in progress when the process exits. */
const underWayLimit = 200

export function createLineSink({
  fd: given,
  shared = false,
  capacity = 1_048_576,
  onResume = () => {},
}: LineSinkOptions): LineSink {
  const { fd, isFile } = open(given)
  const limit = shared ? atomicBytes : chunkBytes
  let lines: string[] = []
  let bytes = 0
  let dropped = 0
  let reported = 0
  let lastError: string | undefined
  /** The bytes being written; `done` counts those already written. */
  let chunk: Buffer | undefined
  let done = 0
  let state: 'idle' | 'scheduled' | 'writing' | 'waiting' = 'idle'
  let delay = 0
  let whenSettled: (() => void)[] = []

  /** Joins lines up to the limit; a longer line goes alone. */
  function nextChunk(): Buffer | undefined {
    if (chunk) return chunk
    if (lines.length === 0) return undefined
    let count = 1
    let size = Buffer.byteLength(lines[0]!)
    while (count < lines.length) {
      const next = Buffer.byteLength(lines[count]!)
      if (size + next > limit) break
      size += next
      count += 1
    }
    chunk = Buffer.from(lines.slice(0, count).join(''))
    lines = lines.slice(count)
    done = 0
    return chunk
  }

  function advance(written: number): void {
    done += written
    bytes -= written
    delay = 0
    if (chunk && done >= chunk.length) chunk = undefined
    if (dropped > reported && bytes < capacity / 2) {
      const lost = { dropped: dropped - reported, error: lastError }
      reported = dropped
      lastError = undefined
      onResume(lost)
    }
  }

  function start(): void {
    const next = nextChunk()
    if (!next) {
      rest()
      return
    }
    state = 'writing'
    // Uses the thread pool: the descriptor can still block, because a process that shares it can change its mode.
    write(fd, next, done, next.length - done, null, (error, written) => {
      if (error) return fail(error)
      advance(written)
      start()
    })
  }

  function fail(error: NodeJS.ErrnoException): void {
    const slow = error.code === 'EAGAIN'
    if (!slow) {
      lastError = error.code ?? String(error)
      resumeWithWholeLine()
    }
    const [first, most] = retries[slow ? 'slow' : 'failing']
    delay = Math.min(Math.max(delay * 2, first), most)
    state = 'waiting'
    setTimeout(start, delay).unref()
  }

  /** After a partial write to a full disk, another process may have written after our half line, so ours is repeated on a new line. */
  function resumeWithWholeLine(): void {
    if (!chunk || done === 0 || !shared) return
    const lineStart = chunk.lastIndexOf(10, done - 1) + 1
    const prefix = lineStart < done ? '\n' : ''
    const rest = Buffer.concat([Buffer.from(prefix), chunk.subarray(lineStart)])
    bytes += rest.length - (chunk.length - done)
    chunk = rest
    done = 0
  }

  function rest(): void {
    state = 'idle'
    const callbacks = whenSettled
    whenSettled = []
    for (const callback of callbacks) callback()
  }

  /** Flushes the buffer, and gives up after a limited time. */
  function flushAtExit(): void {
    const deadline = performance.now() + exitLimit
    while (performance.now() < deadline) {
      const next = nextChunk()
      if (!next) return
      try {
        advance(writeSync(fd, next, done, next.length - done))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
        sleep(10)
      }
    }
  }

  process.once('exit', code => {
    const stuck = state === 'writing'
    // A write in progress continues on its thread, and counts as written.
    if (stuck) {
      sleep(underWayLimit)
      chunk = undefined
    }
    if (lines.length > 0 || chunk) {
      if (fd === given && !isFile) stopBlocking(fd)
      flushAtExit()
    }
    if (stuck && !isFile) endWith(code)
  })

  return {
    write(line) {
      const size = Buffer.byteLength(line)
      if (bytes + size > capacity) {
        dropped += 1
        return
      }
      bytes += size
      lines.push(line)
      if (state !== 'idle') return
      state = 'scheduled'
      // Lines of one tick are written together.
      setImmediate(start)
    },
    dropped: () => dropped,
    settle: milliseconds =>
      new Promise(resolve => {
        if (state === 'idle') return resolve()
        const timer = setTimeout(resolve, milliseconds)
        whenSettled.push(() => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}

/**
 * Returns a non-blocking descriptor for the same file, pipe or socket. A pipe is opened again, so that the mode applies
 * to this process only. A socket, or another user's pipe, can't be opened again, so the mode changes for every process
 * that shares it.
 */
function open(fd: number): { readonly fd: number; readonly isFile: boolean } {
  const kind = kindOf(fd)
  if (kind === 'pipe') {
    try {
      const own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK)
      return { fd: own, isFile: false }
    } catch {}
  }
  if (kind === 'pipe' || kind === 'socket') stopBlocking(fd)
  return { fd, isFile: kind === 'file' }
}

function kindOf(fd: number): 'file' | 'pipe' | 'socket' | 'other' {
  try {
    const kind = fstatSync(fd)
    return kind.isFile() ? 'file' : kind.isFIFO() ? 'pipe' : kind.isSocket() ? 'socket' : 'other'
  } catch {
    return 'other'
  }
}

/** Referenced here, because a garbage-collected socket would close its descriptor. */
const sockets: Socket[] = []

/** Creating a `Socket` puts the descriptor into non-blocking mode. The socket has no other use. */
function stopBlocking(fd: number): void {
  try {
    sockets.push(new Socket({ fd, readable: false, writable: true }).unref())
  } catch {}
}

/**
 * Ends the process even if a thread is blocked in a write, for which Node's own exit would wait. It replaces the process
 * with another program that exits immediately.
 */
function endWith(code: number): void {
  try {
    process.execve?.(process.execPath, [process.execPath, '--eval', `process.exit(${code})`], {})
  } catch {}
}

const nobody = new Int32Array(new SharedArrayBuffer(4))
const sleep = (milliseconds: number): void => void Atomics.wait(nobody, 0, 0, milliseconds)
