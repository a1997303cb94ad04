/** The commands of docs/guides/restore.md, one after the other, on a store that was damaged after its backup. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { commandsOf, runCommand } from '../support/commands.ts'
import { testFolder } from '../support/folder.ts'
import { providePostgres } from '../support/postgres.ts'
import { masterKey } from '../support/tessera.ts'

const guide = 'docs/guides/restore.md'
// Before the folder is removed.
const started = process.cwd()
after(() => process.chdir(started))
const folder = testFolder()
process.env.TESSERA_MASTER_KEY = masterKey
process.env.TESSERA_LOG_LEVEL = 'silent'

/** Runs a block of the guide. Resolves to the output of all its commands. */
async function follow(block: string, placeholders: Readonly<Record<string, string>> = {}): Promise<string> {
  let output = ''
  for (const line of commandsOf(guide, block, placeholders)) output += await runCommand(line)
  return output
}

const addUser = (name: string): Promise<string> =>
  runCommand(`tessera users add --config tessera.yaml --username ${name} --sub ${name} --no-password`)

/** Checks both stores: after the restore, the users and keys of the backup are there, and nothing later. */
async function checkRestored(keys: string): Promise<void> {
  const output = await follow('check')
  assert.match(output, /sub=dora/)
  assert.doesNotMatch(output, /sub=later/)
  for (const [kid] of keys.matchAll(/kid=\S+/g)) assert.ok(output.includes(kid), kid)
  await follow('revoke', { SUB: 'dora' })
  assert.match(
    await runCommand('tessera users list --config tessera.yaml'),
    /sub=dora.*(?:disabled|active=false)/,
  )
}

test('restore: the runbook restores an SQLite store', async () => {
  process.chdir(folder.at())
  writeFileSync('tessera.yaml', 'storage: sqlite:tessera.db\naccounts: {}\n')
  await addUser('dora')
  const keys = await runCommand('tessera keys list --config tessera.yaml')
  await runCommand('tessera backup --config tessera.yaml --to backups')
  await addUser('later')
  writeFileSync('tessera.db', 'a damaged file')
  await follow('restore: sqlite')
  assert.ok(existsSync('damaged/tessera.db'))
  assert.equal(statSync('tessera.db').mode & 0o777, 0o600)
  await checkRestored(keys)
})

const postgres = providePostgres()

/**
 * Whether pg_dump can read the server of the tests: it refuses a server that is newer than itself. The variable is for
 * a run with another server.
 */
function dumps(): boolean {
  try {
    const [, major = '0'] = /(\d+)/.exec(execFileSync('pg_dump', ['--version'], { encoding: 'utf8' })) ?? []
    return Number(major) >= Number(process.env.TESSERA_TEST_POSTGRES_MAJOR ?? 18)
  } catch {
    return false
  }
}

test('restore: the runbook restores a PostgreSQL store', {
  skip: !dumps() && 'pg_dump is not installed, or older than the server',
}, async () => {
  const { database, giveBack } = await postgres()
  const url = await database()
  process.env.DATABASE = url
  process.chdir(folder.at())
  rmSync('tessera.db', { force: true })
  writeFileSync('tessera.yaml', `storage: ${url}\naccounts: {}\n`)
  await addUser('dora')
  const keys = await runCommand('tessera keys list --config tessera.yaml')
  await runCommand(`pg_dump --dbname ${url} --format custom --schema 'tessera*' --file tessera.dump`)
  await addUser('later')
  await follow('restore: postgres')
  await checkRestored(keys)
  await giveBack(url)
})
