/** The types of the client library: wrong calls do not compile, and the sources compile for each kind of runtime. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { testFolder } from '../support/folder.ts'
import { readText } from '../support/repository.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = testFolder()
before(() => symlink(join(root, 'node_modules'), folder.at('node_modules')))

type Problem = { readonly file: string; readonly line: number; readonly code: string; readonly text: string }
type Environment = { readonly lib: readonly string[]; readonly types: readonly string[] }

const node: Environment = { lib: ['es2024'], types: ['node'] }
const browser: Environment = { lib: ['es2024', 'dom'], types: [] }
const worker: Environment = { lib: ['es2024', 'webworker'], types: [] }

let count = 0

/** Compiles files with the repository's compiler and strictness, and returns what it reports. */
async function compile(files: readonly string[], environment: Environment): Promise<readonly Problem[]> {
  const project = folder.at(`tsconfig-${++count}.json`)
  const compilerOptions = {
    ...environment,
    typeRoots: [join(root, 'node_modules/@types')],
    incremental: false,
  }
  await writeFile(
    project,
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, files, include: [] }),
  )
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const output = await new Promise<string>((resolve, reject) =>
    execFile(
      process.execPath,
      [compiler, '--singleThreaded', '--pretty', 'false', '--project', project],
      { cwd: root },
      (error, stdout, stderr) =>
        error && typeof error.code !== 'number' ? reject(error) : resolve(`${stdout}${stderr}`),
    ),
  )
  // Lines that are indented continue the message before them.
  return output.split(/\n(?=\S)/).flatMap(message => {
    if (message.trim() === '') return []
    const [, file = '', line = '', code = '', text = ''] =
      /^(\S+?)\((\d+),\d+\): error (TS\d+): (.*)/s.exec(message) ?? assert.fail(output)
    return [{ file, line: Number(line), code, text }]
  })
}

const calls = join(root, 'test/client/types')
const directive = /^\/\/ @ts-expect-error (TS\d+) (.+)$/

test('types: calls that are right compile', async () => {
  assert.deepEqual(await compile([join(calls, 'right-calls.ts'), join(calls, 'api-calls.ts')], node), [])
})

test('types: each wrong call is an error, for its own reason', async () => {
  const lines = readText('test/client/types/wrong-calls.ts').split('\n')
  const expected = lines.flatMap((line, index) => {
    const [, code, part = ''] = directive.exec(line) ?? []
    return code === undefined ? [] : [{ line: index + 2, code, part }]
  })
  assert.ok(expected.length > 35)
  assert.equal(
    expected.length,
    lines.filter(line => line.includes('@ts-')).length,
    'a directive has no code or no text',
  )
  // Without the directives the compiler reports the errors, in the same lines.
  const text = lines.map(line => (directive.test(line) ? '//' : line)).join('\n')
  const problems = await compileText('wrong-calls.mts', text)
  assert.deepEqual(
    problems.map(({ line, code }) => `${line} ${code}`),
    expected.map(({ line, code }) => `${line} ${code}`),
    JSON.stringify(problems, null, 1),
  )
  for (const [index, { part, line }] of expected.entries())
    assert.ok(
      problems[index]?.text.includes(part),
      `line ${line}: ${part} is not in ${problems[index]?.text}`,
    )
})

test('types: a wrong call that compiles would be noticed', async () => {
  const text =
    "import { clientCredentials, type Client } from '@tessera/client'\ndeclare const client: Client\n"
  const problems = await compileText(
    'unused.mts',
    `${text}// @ts-expect-error\nclientCredentials(client, { scope: 'api1' })\nexport {}`,
  )
  assert.deepEqual(
    problems.map(({ line, code }) => [line, code]),
    [[3, 'TS2578']],
  )
})

test('types: a use of another runtime would be noticed', async () => {
  const text = 'export const used = [process.pid, document.title]'
  for (const [environment, missing] of [
    [browser, 'process'],
    [worker, 'document'],
    [node, 'document'],
  ] as const) {
    const problems = await compileText(`${missing}.mts`, text, environment)
    assert.ok(
      problems.some(problem => problem.text.includes(`'${missing}'`)),
      JSON.stringify(problems),
    )
  }
})

/** Compiles a text as if it were a file of this repository, which resolves the packages. */
async function compileText(
  name: string,
  text: string,
  environment: Environment = node,
): Promise<readonly Problem[]> {
  const file = await folder.write(name, text)
  return compile([file], environment)
}

const { exports: entries } = JSON.parse(readText('packages/client/package.json')) as {
  exports: Readonly<Record<string, { readonly 'tessera-source': string }>>
}
const sourcesOf = (isIncluded: (entry: string) => boolean): readonly string[] =>
  Object.entries(entries).flatMap(([entry, { 'tessera-source': source }]) =>
    isIncluded(entry) ? [join(root, 'packages/client', source)] : [],
  )

for (const [name, environment, isIncluded] of [
  ['a browser, without types of Node', browser, isOfAnyRuntime],
  ['a worker, without types of Node', worker, isOfAnyRuntime],
  ['Node, without types of browsers', node, () => true],
  ['Node with types of browsers', { lib: ['es2024', 'dom'], types: ['node'] }, () => true],
] as const satisfies readonly (readonly [string, Environment, (entry: string) => boolean])[])
  test(`types: the entries of the client library compile for ${name}`, async () => {
    const sources = sourcesOf(isIncluded)
    assert.ok(sources.length >= 1)
    assert.deepEqual(await compile(sources, environment), [])
  })

/** The entry with helpers for Node imports its modules. Adapters for `node:http` only describe its objects. */
function isOfAnyRuntime(entry: string): boolean {
  return entry !== './node'
}
