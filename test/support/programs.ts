/** Programs of `examples/`, each as a process of its own. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePort } from './process.ts'
import { until } from './until.ts'

const examples = fileURLToPath(new URL('../../examples/', import.meta.url))

type Environment = Readonly<Record<string, string>>

export type Program = {
  readonly url: string
  readonly output: () => string
  readonly ended: Promise<unknown>
  /** Undefined while it runs. */
  readonly code: () => number | undefined
}

/** Starts examples with this environment, which is read at each start. */
export function createPrograms(shared: () => Environment) {
  const ran = new Set<string>()
  const running = new Set<ChildProcess>()

  /** Starts an example at a free port. */
  async function start(file: string, environment: Environment = {}): Promise<Program> {
    const port = environment.PORT ?? (await freePort())
    const child = spawn(process.execPath, [examples + file], {
      env: {
        ...process.env,
        NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --conditions=tessera-source`,
        PORT: `${port}`,
        ...shared(),
        ...environment,
      },
    })
    ran.add(file)
    running.add(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', text => {
        output += text
      })
    const ended = once(child, 'close').then(([code]) => {
      running.delete(child)
      return code
    })
    return {
      url: `http://127.0.0.1:${port}`,
      output: () => output,
      ended,
      code: () => child.exitCode ?? undefined,
    }
  }

  /** Starts an example that listens, and waits until it does. */
  async function serve(file: string, environment: Environment = {}): Promise<Program> {
    const program = await start(file, environment)
    await until(`${file} listens`, () => hasPrinted(program, program.url))
    return program
  }

  return {
    start,
    serve,
    /** The files that were started. */
    ran: ran as ReadonlySet<string>,
    /** Stops the programs that still run. */
    stop: () => {
      for (const child of running) child.kill()
    },
  }
}

/** Throws if the program has ended instead. */
function hasPrinted({ output, code }: Program, text: string): boolean {
  assert.equal(code(), undefined, output())
  return output().includes(text)
}
