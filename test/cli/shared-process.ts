/**
 * Runs commands of `tessera` one after the other in one process, which loads the program once: for tests of what commands
 * do. Tests of processes, and at least one test of each group of commands, use `tessera.ts`, where each has its own.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { inTime } from '../support/until.ts'
import { environment, type Finished } from './tessera.ts'

/** `marker` is the line that follows the command's output on each stream. */
export type Order = { readonly words: readonly string[]; readonly input: string; readonly marker: string }
export type Reply = { readonly code: number }

const entry = fileURLToPath(new URL('command-process.ts', import.meta.url))

let running: ChildProcess | undefined
let last: Promise<unknown> = Promise.resolve()
let count = 0

/** Runs a command after the ones before it, with `input` or nothing on standard input. */
export function tessera(words: readonly string[], input = ''): Promise<Finished> {
  const finished = last.then(() =>
    inTime(`tessera ${words.join(' ')} ends`, execute({ words, input, marker: `end of ${++count}\n` }), {
      within: 120_000,
    }),
  )
  last = finished.catch(() => {
    // The command may still be running.
    running?.kill('SIGKILL')
    running = undefined
  })
  return finished
}

async function execute(order: Order): Promise<Finished> {
  running ??= start()
  const child = running
  const ended = Promise.withResolvers<never>()
  const fail = (code: unknown): void => ended.reject(new Error(`the process of commands ended with ${code}`))
  child.once('close', fail)
  const outputs = [outputOf(child, 'stdout', order.marker), outputOf(child, 'stderr', order.marker)]
  const reply = new Promise<Reply>(resolve => child.once('message', message => resolve(message as Reply)))
  child.send(order)
  try {
    const done = Promise.all([reply, ...outputs] as const)
    const [{ code }, stdout = '', stderr = ''] = await Promise.race([done, ended.promise])
    return { code, stdout, stderr }
  } finally {
    child.off('close', fail)
  }
}

/** Resolves to what the command writes to a stream. */
function outputOf(child: ChildProcess, name: 'stdout' | 'stderr', marker: string): Promise<string> {
  return new Promise(resolve => {
    let output = ''
    const read = (text: string): void => {
      output += text
      if (!output.endsWith(marker)) return
      child[name]?.off('data', read)
      resolve(output.slice(0, -marker.length))
    }
    child[name]?.on('data', read)
  })
}

/** The process ends with this one: it keeps neither this process nor itself running. */
function start(): ChildProcess {
  // With one thread, the lines of the log are written in the order in which they were queued.
  const env = { ...environment, UV_THREADPOOL_SIZE: '1' }
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8')
    if (stream && 'unref' in stream && typeof stream.unref === 'function') stream.unref()
  }
  child.channel?.unref()
  child.unref()
  return child
}
