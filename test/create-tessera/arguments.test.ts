/** The arguments and questions of `create-tessera`. */

import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { readArguments } from '../../packages/create-tessera/src/arguments.ts'
import { complete } from '../../packages/create-tessera/src/questions.ts'
import { checkFolder, writeProject } from '../../packages/create-tessera/src/write.ts'
import { testFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'
import { createTessera } from './project.ts'

const folder = testFolder()

for (const [words, message] of [
  [['--app', 'django'], /--app must be one of express, spa, api, worker, none/],
  [['--store', 'mysql'], /--store must be one of sqlite, postgres/],
  [['--store', 'postgres', '--database-url', 'mysql://db'], /--database-url: .*postgres:\/\//],
  [['Name With Spaces'], /the name can contain lowercase letters/],
  [['../outside'], /the name can contain lowercase letters/],
  [['one', 'two'], /expected one name, but got one two/],
  [['--port', '0'], /a port must be a number/],
  [['--port', '70000'], /a port must be a number/],
  [['--port', '3000'], /--port and --app-port must be different/],
  [['--prot', '1'], /Unknown option/],
] as const)
  test(`create-tessera: ${words.join(' ')} is refused, with the usage`, async () => {
    const { code, stderr } = await createTessera(folder.at(), ...words, '--yes')
    assert.equal(code, 2)
    assert.match(stderr, message)
    assert.match(stderr, /Usage: create-tessera/)
  })

test('create-tessera: without a terminal, incomplete arguments end with 2 and nothing is written', async () => {
  const { code, stderr } = await createTessera(folder.at(), 'unfinished')
  assert.equal(code, 2)
  assert.match(stderr, /no terminal/)
  assert.ok(!(await readdir(folder.at())).includes('unfinished'))
})

test('create-tessera: a folder with files stays as it is', async () => {
  await mkdir(join(folder.at(), 'taken'))
  await writeFile(join(folder.at(), 'taken/notes.txt'), 'mine')
  const { code, stderr } = await createTessera(folder.at(), 'taken', '--yes')
  assert.equal(code, 1)
  assert.match(stderr, /not empty/)
  assert.deepEqual(await readdir(join(folder.at(), 'taken')), ['notes.txt'])
})

test('create-tessera: a file that appears meanwhile is not replaced', async () => {
  const project = folder.at('meanwhile')
  await mkdir(project)
  assert.equal(await checkFolder(project), undefined)
  await writeFile(join(project, '.env'), 'mine')
  await assert.rejects(writeProject(project, new Map([['.env', { content: 'new', secret: true }]])), /EEXIST/)
  assert.equal(await readFile(join(project, '.env'), 'utf8'), 'mine')
})

test('create-tessera: --help prints the usage and ends with 0', async () => {
  const { code, stdout } = await createTessera(folder.at(), '--help')
  assert.equal(code, 0)
  for (const option of ['--app', '--store', '--database-url', '--server', '--yes', '--no-install'])
    assert.ok(stdout.includes(option), option)
})

/** A terminal whose user answers each question with one of these key sequences. */
function terminal(answers: readonly (readonly [question: RegExp, keys: string])[]) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} })
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 })
  let text = ''
  output.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  const answer = async (): Promise<void> => {
    for (const [question, keys] of answers) {
      await until(`the question ${question}`, () => question.test(text))
      text = ''
      input.write(keys)
    }
  }
  return { input, output, answer }
}

const given = (...words: readonly string[]) => {
  const read = readArguments(words)
  assert.equal(read.kind, 'choices')
  return (read as Extract<typeof read, { kind: 'choices' }>).choices
}
const enter = '\r'
const down = '\u001B[B'

test('create-tessera: in a terminal, it asks for missing choices', async () => {
  const { answer, ...streams } = terminal([
    [/Project name/, `shop${enter}`],
    [/Which sample application/, `${down}${down}${enter}`],
    [/Which store/, `${down}${enter}`],
    [/Database address/, `postgres://db.example/shop${enter}`],
    [/npm install/, `n`],
  ])
  const [choices] = await Promise.all([complete(given('--port', '5081'), streams), answer()])
  const { name, app, store, databaseUrl, port, install } = choices ?? {}
  assert.deepEqual(
    { name, app, store, databaseUrl, port, install },
    {
      ...{ name: 'shop', app: 'api', store: 'postgres', databaseUrl: 'postgres://db.example/shop' },
      ...{ port: 5081, install: false },
    },
  )
})

test('create-tessera: Ctrl-C at a question writes nothing', async () => {
  const { answer, ...streams } = terminal([[/Which sample application/, '\u0003']])
  const [choices] = await Promise.all([complete(given('shop', '--store', 'sqlite'), streams), answer()])
  assert.equal(choices, undefined)
})
