/** The system's browser is opened by a program, of which the test puts its own into the path. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const folder = await mkdtemp(join(tmpdir(), 'tessera-browser-'))
after(() => rm(folder, { recursive: true, force: true }))

const source = fileURLToPath(new URL('../../packages/client/src/node/system-browser.ts', import.meta.url))
const linux = process.platform === 'linux' ? {} : { skip: 'the name of the program is the one of Linux' }

/** Opens a URL in a process with only this folder in its path, and returns what it prints. */
const openIn = (path: string, url: string): Promise<string> =>
  new Promise(resolve => {
    const program = `
      import { openSystemBrowser } from ${JSON.stringify(source)}
      // The program that opens the browser does not keep the process running.
      const timer = setInterval(() => {}, 1000)
      await openSystemBrowser(process.argv[1]).then(() => console.log('opened'), error => console.log(String(error)))
      clearInterval(timer)`
    execFile(
      process.execPath,
      ['--input-type=module', '--eval', program, url],
      { env: { ...process.env, PATH: path } },
      (_, stdout, stderr) => resolve(stdout.trim() || stderr),
    )
  })

async function install(script: string): Promise<void> {
  const file = join(folder, 'xdg-open')
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
}

test(
  'system browser: the URL is one argument of the program, whatever characters it has',
  linux,
  async () => {
    const url = "https://id.example/authorize?a=1&b=$(exit)&c='%22;&d=%25"
    await install(`printf '%s\\n' "$#" "$1" > ${folder}/arguments`)
    assert.equal(await openIn(folder, url), 'opened')
    assert.equal(await readFile(join(folder, 'arguments'), 'utf8'), `1\n${new URL(url).href}\n`)
  },
)

test('system browser: a program that fails, or is not installed, is an error', linux, async () => {
  await install('exit 3')
  assert.equal(await openIn(folder, 'https://id.example/'), 'Error: xdg-open has failed with code 3')
  assert.match(await openIn(join(folder, 'nowhere'), 'https://id.example/'), /ENOENT/)
})

test('system browser: only URLs of web pages are opened', async () => {
  for (const url of ['file:///etc/passwd', 'javascript:alert(1)', 'calculator:'])
    assert.match(await openIn(folder, url), /TypeError: .* is not a scheme of web pages/)
})
