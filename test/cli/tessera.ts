/** Runs the command line as a separate process. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { inTime } from '../support/until.ts'

const entry = fileURLToPath(new URL('../../packages/server/src/cli/tessera.js', import.meta.url))

export type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** A variable of the machine that runs the tests must not configure what they start. */
export const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('TESSERA_')),
)

export const start = (
  words: readonly string[],
  variables: Record<string, string> = {},
): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, [entry, ...words], { env: { ...environment, ...variables } })

/** As in the README: by npm, whose shell must not intercept signals to the server. */
export const startByNpm = (words: readonly string[]): ChildProcessWithoutNullStreams =>
  spawn('npm', ['run', '-s', 'tessera', '--', ...words], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: environment,
  })

/** Resolves when the process has ended. The caller limits a command that does not end. */
export const finish = (child: ChildProcessWithoutNullStreams): Promise<Finished> =>
  new Promise((resolve, reject) => {
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', chunk => {
      stdout += chunk
    })
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    child.once('error', reject)
    child.once('close', code => resolve({ code, stdout, stderr }))
  })

/** Runs it until it exits, with `input` or nothing on standard input. */
export function tessera(words: readonly string[], input = ''): Promise<Finished> {
  const child = start(words)
  child.stdin.end(input)
  return inTime(`tessera ${words.join(' ')} ends`, finish(child), { within: 120_000 })
}

/** The address in the ready line. */
export const readyUrl = (child: ChildProcessWithoutNullStreams): Promise<string> =>
  inTime('the server is ready', readyLine(child), { within: 60_000 })

const readyLine = (child: ChildProcessWithoutNullStreams): Promise<string> =>
  new Promise((resolve, reject) => {
    let stdout = ''
    child.stdout.on('data', chunk => {
      stdout += chunk
      const ready = /^listening on (http:\S+)$/m.exec(stdout)
      if (ready) resolve(ready[1]!)
    })
    let stderr = ''
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    child.once('close', code => reject(new Error(`it ended with ${code} before it was ready: ${stderr}`)))
  })

/** The log events among the lines of standard error; warnings about the configuration are text. */
export const logEventsIn = (stderr: string): readonly Record<string, any>[] =>
  stderr
    .split('\n')
    .slice(0, -1)
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))

/** Standard error without warnings about the configuration. */
export const withoutWarnings = (stderr: string): string =>
  stderr.replaceAll(/^warning: .*\n(?: {4}(?:expected|fix): .*\n)*/gm, '')
