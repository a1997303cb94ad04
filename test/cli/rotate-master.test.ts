/** `tessera keys rotate-master` of a store with values that can't be opened. */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { rotateMasterKeyOf } from '../../packages/server/src/app/master-key-rotation.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createTessera, loadConfiguration } from '../../packages/server/src/server.ts'
import { captureCommand } from '../support/commands.ts'
import { testFolder } from '../support/folder.ts'
import { provideSigningKeys } from '../support/signing-keys.ts'
import { issuer, masterKey } from '../support/tessera.ts'

const folder = testFolder()
const config = folder.at('tessera.json')
const store = folder.at('tessera.db')

/** Writes a configuration with these files of master keys, and loads it. */
async function configure(keys: object) {
  writeFileSync(config, JSON.stringify({ issuer, storage: `sqlite:${store}`, ...keys }))
  const loaded = await loadConfiguration({ file: config, environment: {}, overrides: {} })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded.configuration
}

/** Adds the authenticator secret of a user, of which only the version of its root key is right. */
function addSecret(sub: string, version: number): void {
  const database = new DatabaseSync(store)
  const bytes = new Uint8Array(60).fill(version)
  database.prepare('insert into totp_secrets values (?, ?, 0, 0)').run(sub, bytes)
  database.close()
}

test('keys rotate-master: names damaged values and ends with 0; ends with 1 for a value of an unknown root key', async () => {
  writeFileSync(folder.at('old.key'), masterKey, { mode: 0o600 })
  writeFileSync(folder.at('new.key'), Buffer.alloc(32, 8).toString('base64'), { mode: 0o600 })
  const before = await configure({ master_key_file: 'old.key' })
  const options = { log: silentLog, jobs: false, generateSigningKey: provideSigningKeys() }
  await (await createTessera(before, options)).close()
  addSecret('someone', 1)
  // The new root key is active when the command runs, so that it does not wait for other processes.
  let behind = 300
  const clock = { now: () => Math.floor(Date.now() / 1000) - behind }
  const during = await configure({ master_key_file: 'new.key', master_key_previous_file: 'old.key' })
  const interrupted = async (): Promise<never> => {
    behind = 0
    throw new Error('interrupted')
  }
  await assert.rejects(
    rotateMasterKeyOf(
      during,
      { finish: false, report: () => {} },
      { log: silentLog, clock, sleep: interrupted },
    ),
    /interrupted/,
  )

  const command = `tessera keys rotate-master --config ${config}`
  const first = await captureCommand(command)
  assert.equal(first.code, 0, first.output)
  const damaged = 'kind=totp_secrets id="someone" reason=damaged'
  assert.ok(first.output.includes(`left as it is, because it can't be opened: ${damaged}\n`), first.output)
  assert.match(first.output, /then run this command again with --finish/)

  addSecret('other', 9)
  const stopped = await captureCommand(`${command} --finish`)
  assert.equal(stopped.code, 1, stopped.output)
  assert.match(stopped.output, /id="other" reason=root_key_unknown/)
  assert.match(stopped.output, /the rotation is not finished: 1 of the stored secrets names a root key/)

  const reset = await captureCommand(`tessera users reset-mfa --config ${config} --user other`)
  assert.equal(reset.code, 0, reset.output)
  const last = await captureCommand(`${command} --finish`)
  assert.equal(last.code, 0, last.output)
  assert.ok(last.output.includes(damaged), last.output)
  assert.match(last.output, /nothing depends on the previous master key any more: delete it/)
})
