/** Places that a process writes to while a test fills, stops, closes and reopens them. POSIX only. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { truncate } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { testFolder } from './folder.ts'

/** Returns a function that returns paths in a folder of this test file. */
export const sinkFolder = (): ((name: string) => string) => {
  const folder = testFolder()
  let count = 0
  return name => folder.at(`${++count}-${name}`)
}

/** A pipe that is read only after `drain` is called. */
export type Pipe = {
  /** The descriptor to pass to the writing process. */
  readonly fd: number
  /** Reads until the writers end, and returns everything read. */
  readonly drain: () => Promise<() => string>
  /** Closes the reader: writers get EPIPE. */
  readonly close: () => void
}

export async function openPipe(path: string): Promise<Pipe> {
  const made = spawn('mkfifo', [path])
  await once(made, 'exit')
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const fd = openSync(path, constants.O_WRONLY)
  let open = true
  let text = ''
  return {
    fd,
    async drain() {
      const bytes = Buffer.alloc(65_536)
      const read = async (): Promise<void> => {
        while (open) {
          try {
            const count = readSync(reader, bytes, 0, bytes.length, null)
            text += bytes.toString('latin1', 0, count)
            if (count > 0) continue
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
          }
          await setTimeout(10)
        }
      }
      void read()
      return () => text
    },
    close() {
      if (open) closeSync(reader)
      open = false
    },
  }
}

/** A file on a disk that is full once the file has this many blocks of 512 bytes: the shell that starts the process sets the limit. */
export const limited = (blocks: number, command: readonly string[]): readonly string[] => [
  'sh',
  '-c',
  `ulimit -f ${blocks}; exec "$@"`,
  'sh',
  ...command,
]

/** Frees space on such a disk. */
export const makeRoom = (file: string): Promise<void> => truncate(file)
