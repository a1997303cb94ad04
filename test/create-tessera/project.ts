/** Projects created by `create-tessera`, with the packages of this repository instead of an installation. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { freePort } from '../support/process.ts'
import { inTime, until } from '../support/until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const command = join(root, 'packages/create-tessera/src/create-tessera.ts')

/** Variables of the test run must not configure a project. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('TESSERA_')),
)

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** Runs the command in a folder, without a terminal. */
export async function createTessera(cwd: string, ...words: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [command, ...words], { cwd, env: environment })
  child.stdin.end()
  return finish(child)
}

async function finish(child: ChildProcess): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const [code] = await inTime('the command ends', once(child, 'close'), { within: 60_000 })
  return { code, stdout, stderr }
}

export type Project = {
  readonly folder: string
  /** The variables in `.env`. */
  readonly variables: Readonly<Record<string, string>>
  /** Runs a file of the project with Node. */
  readonly run: (file: string) => Promise<Ran>
  /** Starts Tessera and the application; resolves when a line of their output matches. Returns a function that stops both. */
  readonly start: (ready: RegExp) => Promise<() => Promise<number | null>>
  readonly output: () => string
  readonly remove: () => Promise<void>
}

export async function createProject(app: string, ...options: readonly string[]): Promise<Project> {
  const parent = await mkdtemp(join(tmpdir(), 'create-tessera-'))
  const ports = ['--port', `${await freePort()}`, '--app-port', `${await freePort()}`]
  const created = await createTessera(parent, 'project', '--app', app, '--yes', ...ports, ...options)
  assert.equal(created.code, 0, created.stderr)
  const folder = join(parent, 'project')
  await linkPackages(folder)
  let output = ''
  return {
    folder,
    variables: parseEnv(await readFile(join(folder, '.env'), 'utf8')) as Record<string, string>,
    run: file => finish(spawn(process.execPath, [file], { cwd: folder, env: environment })),
    async start(ready) {
      const child = spawn(process.execPath, ['start.js'], { cwd: folder, env: environment })
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', text => {
          output += text
        })
      const ended = once(child, 'close')
      await until(
        `the project prints ${ready}`,
        () => {
          assert.equal(child.exitCode, null, output)
          return ready.test(output)
        },
        { within: 60_000 },
      )
      return async () => {
        child.kill('SIGTERM')
        const [code] = await inTime('the project stops', ended, { within: 30_000 })
        return code
      }
    },
    output: () => output,
    remove: () => rm(parent, { recursive: true, force: true }),
  }
}

/** Links what `npm install` would have installed. `test/packages` installs a project from tarballs. */
async function linkPackages(folder: string): Promise<void> {
  const { dependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    const target = join(folder, 'node_modules', name)
    await mkdir(dirname(target), { recursive: true })
    await symlink(join(root, 'node_modules', name), target)
  }
  await mkdir(join(folder, 'node_modules/.bin'))
  await symlink(join(root, 'packages/server/src/cli/tessera.js'), join(folder, 'node_modules/.bin/tessera'))
}
