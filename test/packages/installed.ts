/** The packages as others get them: packed, and installed in a folder outside the repository, without a network. */

import { execFile, type SpawnOptionsWithoutStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, realpathSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startRegistry } from '../support/registry.ts'
import { inTime, until } from '../support/until.ts'

const run = promisify(execFile)

export const repository = fileURLToPath(new URL('../..', import.meta.url))
const packageNames = ['@tessera/protocol', '@tessera/client', '@tessera/server'] as const

export type Installed = Awaited<ReturnType<typeof installPackages>>

/** Packs packages of the repository and installs them with npm in a new folder. Rejects with npm's output. */
export async function installPackages(names: readonly string[] = packageNames) {
  const folder = realpathSync(await mkdtemp(join(tmpdir(), 'tessera-test-packages-')))
  const tarballs = join(folder, 'tarballs')
  const application = join(folder, 'application')
  await Promise.all([mkdir(tarballs), mkdir(application)])
  const environment = cleanEnvironment(folder)
  await pack(names, tarballs, folder)
  await writeFile(join(application, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const registry = await startRegistry([join(repository, 'packages/server')])
  try {
    const files = names.map(name => join(tarballs, `${name.slice(1).replace('/', '-')}-0.1.0.tgz`))
    await run(process.execPath, [npm(), 'install', '--no-audit', '--no-fund', ...files], {
      cwd: application,
      env: { ...environment, npm_config_registry: registry.url },
    })
  } finally {
    await registry.close()
  }
  return {
    /** The folder that they were installed in. */
    application,
    environment,
    /** The folder of everything, npm's cache included. */
    folder,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

let client: Promise<Installed> | undefined

/** Installs the client library, once for all files that this process tests; it is removed when the process ends. */
export function installClient(): Promise<Installed> {
  client ??= installPackages(['@tessera/protocol', '@tessera/client']).then(installed => {
    process.once('exit', () => rmSync(installed.folder, { recursive: true, force: true }))
    return installed
  })
  return client
}

/** Runs `npm pack` in the repository, as a stranger would. Waits for other tests that do: each replaces `dist`. */
export const pack = (names: readonly string[], destination: string, home: string): Promise<unknown> =>
  withLock(() =>
    run(
      process.execPath,
      [npm(), 'pack', ...names.flatMap(name => ['-w', name]), '--pack-destination', destination],
      { cwd: repository, env: cleanEnvironment(home), maxBuffer: 16 * 1024 * 1024 },
    ),
  )

/** Builds a package into a folder, as `prepack` does into its own. Waits too, because a second build only copies. */
export const buildInto = (name: string, folder: string): Promise<unknown> =>
  withLock(() => run(process.execPath, ['packages/build.ts', name, folder], { cwd: repository }))

const lockFile = join(repository, 'node_modules/.cache/pack.lock')

/** Runs in one process at a time. A lock of a process that has ended does not count. */
async function withLock<Value>(work: () => Promise<Value>): Promise<Value> {
  const lock = async (): Promise<boolean> => {
    try {
      await writeFile(lockFile, `${process.pid}`, { flag: 'wx' })
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (!isRunning(Number(await readFile(lockFile, 'utf8').catch(() => ''))))
        await rm(lockFile, { force: true })
      return false
    }
  }
  await mkdir(dirname(lockFile), { recursive: true })
  await until('no other test packs', lock, { within: 280_000, every: 200 })
  try {
    return await work()
  } finally {
    await rm(lockFile, { force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** No variable of the test run or of npm: neither conditions nor a registry. */
export const cleanEnvironment = (home: string): Readonly<Record<string, string>> => ({
  ...{ HOME: home, TMPDIR: tmpdir(), NODE_COMPILE_CACHE: join(tmpdir(), 'tessera-test-compile-cache') },
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  npm_config_cache: join(home, '.npm-cache'),
  npm_config_update_notifier: 'false',
  // As in test/runner/static-checks.test.ts.
  ...{ GOGC: 'off', GOMEMLIMIT: '2GiB' },
})

/**
 * Returns the errors in the compiler's output, except those of files that must not compile: their names end with
 * `wrong.ts`. Compiling them with the others costs little, and compiling them alone as much as the others.
 */
export const unexpectedErrors = (output: string): readonly string[] =>
  output.split('\n').filter(line => line !== '' && !/^(?: |\S*wrong\.ts\()/.test(line))

/** npm's command line, which any Node can run. */
export function npm(): string {
  const { npm_execpath: given, PATH = '' } = process.env
  if (given?.endsWith('npm-cli.js')) return given
  const found = PATH.split(delimiter)
    .map(folder => join(folder, 'npm'))
    .find(existsSync)
  if (found === undefined) throw new Error('npm is not in PATH')
  return realpathSync(found)
}

/**
 * Returns the binary of a version of Node; undefined if `npm ci --prefix test/packages/runtimes` has not installed it. It has
 * a folder of its own, because its `bin` would replace the repository's `node`.
 */
export function nodeBinary(major: number): string | undefined {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  const found = join(repository, `test/packages/runtimes/node_modules/node-${major}/bin/node`)
  return existsSync(found) ? found : undefined
}

/** A process that runs in the application's folder, and what it printed. */
export type Running = {
  readonly printed: () => string
  readonly errors: () => string
  /** Resolves when its output matches. Rejects if it ends before. */
  readonly prints: (pattern: RegExp) => Promise<RegExpExecArray>
  /** Sends SIGTERM to its group, and resolves to the exit code. */
  readonly stop: () => Promise<number | null>
  readonly ended: Promise<number | null>
}

/** Starts Node with these arguments; a command that it starts finds the same Node. */
export function startNode(
  { application, environment }: Pick<Installed, 'application' | 'environment'>,
  binary: string,
  args: readonly string[],
): Running {
  const options: SpawnOptionsWithoutStdio = {
    cwd: application,
    // A group: npm does not pass on the signal that ends it.
    detached: true,
    env: { ...environment, PATH: [dirname(binary), environment.PATH].join(delimiter) },
  }
  const child = spawn(binary, args, options)
  let printed = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    printed += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    errors += text
  })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    printed: () => printed,
    errors: () => errors,
    ended,
    prints(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
      const look = (): void => {
        const found = pattern.exec(printed)
        if (found) resolve(found)
      }
      child.stdout.on('data', look)
      look()
      ended.then(code => reject(new Error(`it ended with ${code}: ${printed}${errors}`)))
      return inTime(`it prints ${pattern}`, promise, { within: 60_000 })
    },
    async stop() {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
      return inTime('it ends', ended)
    },
  }
}

/** Runs Node until it exits. */
export async function runNode(
  installed: Pick<Installed, 'application' | 'environment'>,
  binary: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly printed: string; readonly errors: string }> {
  const running = startNode(installed, binary, args)
  const code = await inTime(`${args.join(' ')} ends`, running.ended, { within: 120_000 })
  return { code, printed: running.printed(), errors: running.errors() }
}
