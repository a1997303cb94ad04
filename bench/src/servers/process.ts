/** Starts a program as a separate process, pinned from its first instruction. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cores, pinned } from './cores.ts'

const root = mkdtempSync(join(tmpdir(), 'tessera-bench-'))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** Removed at the end of the bench. */
export const temporaryDirectory = (name: string): string => mkdtempSync(join(root, `${name}-`))

/** All programs start with compiled modules, as `tessera serve` does, except at a first start. */
const compileCache = temporaryDirectory('cache')

export type ProcessOptions = {
  readonly cores: Cores
  readonly env?: Readonly<Record<string, string>>
  /** With a channel to this process, or with its output readable. */
  readonly stdio: 'channel' | 'output'
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(root, { recursive: true, force: true })
})

/** Ends with the bench. */
export function startNode(args: readonly string[], { cores, env, stdio }: ProcessOptions): ChildProcess {
  const [command = '', ...rest] = pinned(cores, [process.execPath, ...args])
  const child = spawn(command, rest, {
    stdio: ['ignore', stdio === 'output' ? 'pipe' : 'ignore', 'pipe', stdio === 'channel' ? 'ipc' : 'ignore'],
    env: { ...process.env, NODE_ENV: 'production', NODE_COMPILE_CACHE: compileCache, ...env },
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Rejects with the process's last output if it ends before that. */
export async function unlessEnded<Value>(child: ChildProcess, coming: Promise<Value>): Promise<Value> {
  let written = ''
  const keep = (text: Buffer): void => {
    written = (written + text).slice(-4000)
  }
  child.stderr?.on('data', keep)
  const answered = new AbortController()
  const end = once(child, 'exit', { signal: answered.signal }).then(([code]) => {
    throw new Error(`the process of a server ended with ${code}: ${written}`)
  })
  end.catch(() => {})
  try {
    return await Promise.race([coming, end])
  } finally {
    answered.abort()
    child.stderr?.off('data', keep).resume()
  }
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
