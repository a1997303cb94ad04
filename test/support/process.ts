/**
 * A server in a separate process, started as an operator starts it: for third-party clients, browsers and `kill -9`.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inTime } from './until.ts'

const entry = new URL('../../packages/server/src/cli/tessera.js', import.meta.url)

export type RunningServer = {
  /** Its address, which is its issuer. */
  readonly url: string
  readonly process: ChildProcess
  /** The text that it has written to stderr. */
  readonly log: () => string
  /** Sends SIGTERM; returns the exit code. */
  readonly stop: () => Promise<number | null>
  /** Sends SIGKILL. */
  readonly kill: () => Promise<void>
}

/** Ten servers that start at once on a busy machine take long. */
const startLimit = { within: 60_000 }

export type ServeOptions = {
  /** A program with the same command line; `tessera` by default. */
  readonly program?: URL
  /**
   * One by default: without this option the number would depend on the machine. More of them cost a second of CPU each to
   * start, for tests of what workers share.
   */
  readonly workers?: number
  /** More variables for the process. */
  readonly environment?: Readonly<Record<string, string>>
}

/** Runs `tessera serve` with this configuration; resolves at the ready line. */
export async function serveConfiguration(
  file: string,
  port: number,
  { program = entry, workers = 1, environment = {} }: ServeOptions = {},
): Promise<RunningServer> {
  // Without variables of the test run.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('TESSERA_TEST_')),
  )
  const child = spawn(
    process.execPath,
    [fileURLToPath(program), 'serve', '--config', file, '--port', String(port)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, TESSERA_LOG_LEVEL: 'info', TESSERA_WORKERS: String(workers), ...environment },
    },
  )
  let log = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    log += text
  })
  let out = ''
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', text => {
      out += text
      // The issuer is localhost, not the address that it listens on.
      if (/^listening on (\S+)$/m.test(out)) resolve(`http://localhost:${port}`)
    })
    child.once('exit', code => reject(new Error(`the server ended with ${code}: ${out}${log}`)))
  })
  const url = await inTime('the server is ready', ready, startLimit)
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    child.kill(signal)
    const [code] = await inTime(`the server ends after ${signal}`, once(child, 'exit'))
    return code
  }
  return {
    url,
    process: child,
    log: () => log,
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
  }
}

/** A new folder under the system's temporary one, with the configuration in it; `remove` deletes it. */
export async function writeConfiguration(
  configuration: object,
): Promise<{ file: string; directory: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'tessera-test-'))
  const file = join(directory, 'tessera.json')
  await writeFile(file, JSON.stringify(configuration))
  return { file, directory, remove: () => rm(directory, { recursive: true, force: true }) }
}

/** Below the range from which systems take ports for outgoing connections: none of those takes it before the caller does. */
const [lowestPort, highestPort] = [10_240, 32_000] as const

/** The environment variable with the folder in which the processes of a test run claim ports. */
export const sharedPorts = 'TESSERA_TEST_PORTS'

/** Returns a port that is free now, and that no other test of this run gets. */
export async function freePort(): Promise<number> {
  for (let tries = 50; tries > 0; tries--) {
    const port = randomInt(lowestPort, highestPort)
    const server = createServer()
    const isFree = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    if (claim(port)) return port
  }
  throw new Error(`no free port between ${lowestPort} and ${highestPort}`)
}

/** Returns whether this caller is the first: the server of another one may be about to listen. */
function claim(port: number): boolean {
  const folder = process.env[sharedPorts]
  if (folder === undefined) return true
  try {
    closeSync(openSync(join(folder, String(port)), 'wx'))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Serves a configuration on the embedded store while `use` runs. */
export async function withServer<Value>(
  configuration: object,
  use: (server: RunningServer) => Promise<Value>,
  options: ServeOptions = {},
): Promise<Value> {
  const { file, remove } = await writeConfiguration({ storage: 'sqlite:./tessera.db', ...configuration })
  const server = await serveConfiguration(file, await freePort(), options)
  try {
    return await use(server)
  } finally {
    await server.stop()
    await remove()
  }
}
