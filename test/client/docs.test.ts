/** Documentation of the client library: the README leads to a token, and the pages name what exists. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
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

const blocksOf = (text: string): readonly string[] =>
  [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code!)

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
