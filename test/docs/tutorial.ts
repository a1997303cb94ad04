/** Follows the steps of a tutorial in a folder of its own, with the packages of this repository. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { freePort } from '../support/process.ts'
import { inTime, until } from '../support/until.ts'
import { type BrowserRow, prints, type Step } from './tutorial-steps.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A server that starts on a busy machine takes long. */
const startLimit = { within: 60_000 }

/** The packages that the pages install from tarballs. */
const tarballs = ['@tessera/protocol', '@tessera/client', '@tessera/server']

export type Tutorial = {
  /** Follows one step. Rejects if the result is not the one that the page shows. */
  readonly follow: (step: Step) => Promise<void>
  /** Returns what the command in a terminal has printed, on both streams. */
  readonly printed: (terminal: string) => string
  readonly close: () => Promise<void>
}

type Terminal = { readonly child: ChildProcess; text: string }

/**
 * @param change Changes the text of a file before it is written.
 */
export async function startTutorial(
  page: () => Promise<Page>,
  change: (name: string, text: string) => string = (_, text) => text,
): Promise<Tutorial> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-test-tutorial-'))
  const ports = new Map([
    ['5080', `${await freePort()}`],
    ['3000', `${await freePort()}`],
  ])
  const local = (text: string): string => text.replace(/\b(?:5080|3000)\b/g, port => ports.get(port)!)
  const terminals = new Map<string, Terminal>()
  const environment = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TESSERA_'))),
    PATH: [join(folder, 'node_modules/.bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
    NODE_OPTIONS: '--conditions=tessera-source',
    TESSERA_WORKERS: '1',
  }

  function start(command: string): Terminal {
    // `exec`, so that signals reach the command. esbuild ends with its standard input.
    const child = spawn('sh', ['-c', `exec ${command}`], { cwd: folder, env: environment })
    const terminal = { child, text: '' }
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', text => {
        terminal.text += text
      })
    return terminal
  }

  async function stop({ child }: Terminal): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    await inTime('the command ends after Ctrl-C', ended)
  }

  /** One shell for all commands, so that its variables stay. */
  const shell = start('sh')
  const mark = '--- end of the step ---'

  async function run(commands: string): Promise<string> {
    const before = shell.text.length
    const printed = () => shell.text.slice(before)
    shell.child.stdin!.write(`${commands}\necho '${mark}'\n`)
    await until(`the commands end: ${commands}`, () => printed().includes(mark))
    return printed().replace(mark, '')
  }

  const follow: Tutorial['follow'] = async step => {
    switch (step.kind) {
      case 'install':
        return install(folder, step.commands)
      case 'file': {
        const file = join(folder, step.name)
        await mkdir(dirname(file), { recursive: true })
        return writeFile(file, local(change(step.name, step.text)))
      }
      case 'run': {
        const printed = await run(local(step.commands))
        return assert.ok(prints(local(step.output), printed), `${step.commands}\nprinted:\n${printed}`)
      }
      case 'start': {
        const running = terminals.get(step.terminal)
        if (running) await stop(running)
        const terminal = start(commandOf(local(step.command)))
        terminals.set(step.terminal, terminal)
        await until(
          `${step.command} prints ${step.output}`,
          () => {
            assert.equal(terminal.child.exitCode, null, terminal.text)
            return local(step.output)
              .split('\n')
              .every(line => terminal.text.includes(line))
          },
          startLimit,
        )
        return
      }
      case 'browse': {
        const opened = await page()
        for (const row of step.rows) await browse(opened, row, local)
      }
    }
  }

  return {
    follow,
    printed: name => terminals.get(name)?.text ?? '',
    async close() {
      for (const terminal of [...terminals.values(), shell]) await stop(terminal)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Without npx, which costs more than the command. The bundler takes the library from its source. */
const commandOf = (command: string): string =>
  command
    .replace(/^npx @tessera\/server /, 'tessera ')
    .replace(/^npx esbuild /, 'esbuild --conditions=tessera-source ')

/** Links what `npm install` would have installed. `test/packages` installs packages from their tarballs. */
async function install(folder: string, commands: string): Promise<void> {
  const packed = [...(/npm pack(.*)\)$/m.exec(commands)?.[1] ?? '').matchAll(/-w (\S+)/g)].map(
    ([, name]) => name!,
  )
  assert.deepEqual(packed, tarballs)
  const [, others = ''] = /^npm install \$CLONE\/tessera-\*-0\.1\.0\.tgz (.+)$/m.exec(commands) ?? []
  const modules = join(folder, 'node_modules')
  for (const name of [...packed, ...others.split(' ')]) {
    const target = join(root, 'node_modules', name)
    assert.ok(existsSync(target), `${name} is not installed here`)
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(target, join(modules, name))
  }
  await mkdir(join(modules, '.bin'))
  await symlink(join(root, 'packages/server/src/cli/tessera.js'), join(modules, '.bin/tessera'))
  if (others.includes('esbuild'))
    await symlink(join(root, 'node_modules/.bin/esbuild'), join(modules, '.bin/esbuild'))
}

async function browse(
  page: Page,
  { action, texts }: BrowserRow,
  local: (text: string) => string,
): Promise<void> {
  const [, url] = /^Open (\S+?)\.$/.exec(action) ?? []
  const [, name, password] = /^Enter `(.+?)` and `(.+?)`/.exec(action) ?? []
  const [, control] = /[Cc]hoose \*\*(.+?)\*\*/.exec(action) ?? []
  const isReload = action.startsWith('Reload ')
  assert.ok(url ?? control ?? isReload, `nothing to do: ${action}`)
  if (url !== undefined) await page.goto(local(url))
  if (isReload) await page.reload()
  if (name !== undefined) {
    await page.getByLabel('Username').fill(name)
    await page.getByLabel('Password').fill(password!)
  }
  if (control !== undefined) {
    const named = { name: control, exact: true }
    await page.getByRole('button', named).or(page.getByRole('link', named)).click()
  }
  for (const text of texts)
    await page
      .getByText(text)
      .first()
      .waitFor({ timeout: 30_000 })
      .catch(async error => {
        const shown = await page.locator('body').innerText()
        throw new Error(`${action}: ${page.url()} shows no "${text}": ${shown}`, { cause: error })
      })
}
