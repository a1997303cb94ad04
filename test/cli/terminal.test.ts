/** Control characters in names and error texts are escaped in every output of a command and in the log. */

import assert from 'node:assert/strict'
import { openSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createLog } from '../../packages/server/src/operations/log.ts'
import { escapedJson, escapedLines } from '../../packages/server/src/operations/output/escaped-text.ts'
import { captureWords } from '../support/commands.ts'
import { testFolder } from '../support/folder.ts'
import { masterKey } from '../support/tessera.ts'

const folder = testFolder()

/** Clears the screen in a terminal that follows C1, and reverses the direction of text. */
const hostile = '\u009b2J\u202e\u061c\u007f'
const unsafe = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

test('command line: a user’s claims, the names in a file and its path are escaped, and JSON keeps its meaning', async () => {
  process.env.TESSERA_LOG_LEVEL = 'silent'
  process.env.TESSERA_MASTER_KEY = masterKey
  const config = await folder.write(
    'tessera.json',
    JSON.stringify({ storage: `sqlite:${folder.at('a.db')}`, accounts: {} }),
  )
  const claims = { nickname: hostile }
  const words = ['users', 'add', '--config', config, '--username', 'kim', '--sub', 'kim', '--no-password']
  await captureWords([...words, '--claims', JSON.stringify(claims)])
  const shown = await captureWords(['users', 'show', '--config', config, '--user', 'kim'])
  assert.doesNotMatch(shown.output, unsafe)
  assert.deepEqual(JSON.parse(shown.output).claims, claims)

  const exported = [
    '{"tessera_export":1,"created_at":1,"master_key_check":null}',
    JSON.stringify({ tenant: null, table: hostile, columns: { a: 'text' } }),
  ]
  const file = await folder.write('x.export', `${exported.join('\n')}\n`)
  for (const failing of [
    ['import', '--config', config, '--from', file],
    ['import', '--config', config, '--from', folder.at(hostile)],
    ['config', 'check', folder.at(hostile)],
    ['explain', 'id', folder.at(hostile)],
    ['audit', 'verify', '--config', config, folder.at(hostile)],
    ['clients', 'revoke', '--config', config, hostile],
    ['users', 'disable', '--config', config, '--user', hostile],
  ]) {
    const { code, output } = await captureWords(failing)
    assert.notEqual(code, 0, failing.join(' '))
    assert.doesNotMatch(output, unsafe, failing.join(' '))
  }
})

test('log: control characters in fields are escaped in the line, which has the same meaning', async () => {
  const file = folder.at('log')
  const log = createLog({ level: 'info', fd: openSync(file, 'a') })
  log.info('tested', { error: hostile })
  await log.settle(5000)
  const line = readFileSync(file, 'utf8').trimEnd()
  assert.doesNotMatch(line, unsafe)
  assert.equal(JSON.parse(line).error, hostile)
})

test('command line: lines remain lines, and all other control characters are escaped', () => {
  assert.equal(escapedLines('a\nb\u001b[2J\r\u009b'), 'a\nb\\u001b[2J\\u000d\\u009b')
  assert.equal(escapedJson(JSON.stringify({ a: '\u0085' })), '{"a":"\\u0085"}')
})

test('command line: every command writes by the functions that escape', () => {
  const rawly = ['progress.ts', 'secret-input.ts']
  const cli = new URL('../../packages/server/src/cli/', import.meta.url)
  for (const name of readdirSync(cli, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || rawly.includes(name)) continue
    const text = readFileSync(new URL(name, cli), 'utf8')
    assert.doesNotMatch(text, /process\.std(out|err)\.write|std(out|err)\.write|console\.log\(`/, name)
  }
})
