/** Documentation of the client library: each code block compiles, and the README leads to a token. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort, serveConfiguration } from '../support/process.ts'
import { readText, textsOf } from '../support/repository.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

const readme = 'packages/client/README.md'
const pages = new Map([[readme, readText(readme)], ...textsOf('docs/client/*.md')])

/** The code blocks of a page, in order. Blocks of JavaScript use libraries that are not installed here. */
const blocksOf = (text: string, language = 'ts'): readonly string[] =>
  [...text.matchAll(new RegExp(String.raw`^\`\`\`${language}\n([\s\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, code]) => code!,
  )

/** Values that code blocks use without creating them, because the page has created them before. */
const context = `
import type * as tessera from '@tessera/client'
import type * as api from '@tessera/client/api'
declare global {
  const client: tessera.Client
  const issuer: tessera.Issuer
  const tokens: tessera.TokenResponse
  const session: tessera.Session
  const authorizedFetch: typeof fetch
  const guard: api.ApiGuard
  const access_token: string
  const id_token: string
  const privateKey: string
  const pool: { connect(): Promise<{ query(text: string, values?: readonly unknown[]): Promise<unknown>; on(event: 'error', listener: (error: Error) => void): unknown; release(close: boolean): void }> }
  const log: { info(value: object): void; warn(value: object): void; error(value: object): void }
  const database: { load(id: string): Promise<string | undefined>; save(id: string, text: string): Promise<void>; delete(id: string): Promise<void> }
  const loadOrder: (id: string | undefined) => Promise<{ readonly owner: string }>
  const startSpan: (name: string) => { end(attributes: object): void; readonly traceparent: string }
}
`

/** Express has no types of its own. */
const express = `declare module 'express' {
  import type { IncomingMessage, ServerResponse } from 'node:http'
  type Next = (error?: unknown) => void
  type Handler = (request: IncomingMessage, response: ServerResponse & { json(value: unknown): void }, next: Next) => void
  const express: () => { get(path: string, ...handlers: Handler[]): void; use(...handlers: Handler[]): void; listen(port: number): void }
  export default express
}`

test('client documentation: each code block compiles', async () => {
  await mkdir(join(root, 'node_modules/.cache'), { recursive: true })
  const folder = await mkdtemp(join(root, 'node_modules/.cache/client-docs-'))
  try {
    const options = {
      lib: ['es2024', 'dom', 'dom.iterable', 'esnext.disposable'],
      allowJs: true,
      incremental: false,
      tsBuildInfoFile: null,
    }
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: options,
        include: ['*.ts', '*.js'],
        exclude: [],
      }),
    )
    await writeFile(join(folder, 'context.ts'), context)
    await writeFile(join(folder, 'express.d.ts'), express)
    let count = 0
    for (const [file, text] of pages)
      for (const language of ['ts', 'js'])
        for (const [index, code] of blocksOf(text, language).entries()) {
          count++
          const name = `${basename(file, '.md')}-${index + 1}.${language}`
          await writeFile(join(folder, name), `${code}\nexport {}\n`)
        }
    assert.ok(count >= 20, `only ${count} blocks were found`)
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = await run(process.execPath, [compiler, '--project', folder]).catch(error => error)
    assert.equal(stdout, '')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('client documentation: the README leads from the demo to a token, in five statements', async () => {
  const [block = ''] = blocksOf(pages.get(readme) ?? '')
  assert.ok(block.trim().split('\n').length <= 8)
  process.env.TESSERA_STORAGE = 'memory:'
  const server = await serveConfiguration(join(root, 'examples/demo/tessera.jsonc'), await freePort())
  try {
    const code = block.replace('http://localhost:5080', server.url)
    assert.notEqual(code, block)
    const printed = await run(
      process.execPath,
      ['--input-type=module-typescript', '-e', `${code}\nconsole.log(access_token)`],
      {
        cwd: root,
        env: { ...process.env, NODE_OPTIONS: '--conditions=tessera-source' },
      },
    )
    assert.match(printed.stdout, /^ey[\w-]+\.[\w-]+\.[\w-]+\n$/)
  } finally {
    await server.stop()
  }
})

test('client documentation: the index links to each page, and the pages are linked from the READMEs', () => {
  const index = pages.get('docs/client/README.md') ?? ''
  for (const file of pages.keys()) {
    if (file === readme || file.endsWith('README.md')) continue
    assert.ok(index.includes(`](${basename(file)})`), `the index has no link to ${file}`)
  }
  assert.ok(pages.get(readme)?.includes('docs/client/README.md'))
  assert.ok(readText('README.md').includes('(docs/client/README.md)'))
})

test('client documentation: each function of the library occurs in it', () => {
  const text = [...pages.values()].join('\n')
  const reference = [...textsOf('docs/reference/*.md').values()].join('\n')
  const functions = reference.split(/^### /m).flatMap(section => {
    const [, name = ''] = /^(\w+)\n/.exec(section) ?? []
    return /^declare (?:function|const \w+: [<(])/m.test(section) ? [name] : []
  })
  assert.ok(functions.length > 20)
  assert.deepEqual(
    functions.filter(name => !new RegExp(String.raw`\b${name}\b`).test(text)),
    [],
  )
})

test('client documentation: each code and member that it names in a table exists', () => {
  const sources = [...textsOf('packages/{client,protocol}/src/**/*.ts').values()].join('\n')
  const rows = [...pages.values()].flatMap(text => text.split('\n').filter(line => line.startsWith('| `')))
  const names = rows.flatMap(row =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  )
  assert.ok(names.length > 80)
  // The tables for other libraries have their names in the first column.
  const foreign = ['from-identitymodel', 'from-openid-client']
    .map(page => pages.get(`docs/client/${page}.md`))
    .join('\n')
  assert.deepEqual(
    names.filter(name => !new RegExp(String.raw`\b${name}\b`).test(sources) && !foreign.includes(name)),
    [],
  )
})
