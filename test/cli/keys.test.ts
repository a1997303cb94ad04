/** Importing and removing keys beside a running server. */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmod } from 'node:fs/promises'
import { test } from 'node:test'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createTessera } from '../../packages/server/src/server.ts'
import { testFolder } from '../support/folder.ts'
import { provideSigningKeys } from '../support/signing-keys.ts'
import { until } from '../support/until.ts'
import { tessera } from './tessera.ts'

const folder = testFolder()
const generateSigningKey = provideSigningKeys()

test('cli: keys are imported and removed while a server runs, which publishes the change at once', async () => {
  const input = { issuer: 'https://id.example', storage: `sqlite:${folder.at('keys.db')}` }
  const config = await folder.write('keys.json', JSON.stringify(input))
  const parsed = parseConfiguration(input)
  assert.ok(parsed.ok)
  const server = await createTessera(parsed.configuration, {
    log: silentLog,
    jobs: false,
    generateSigningKey,
  })
  try {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({
      ...{ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'of the old server' },
    } as never)
    const file = await folder.write('old.pem', String(pem))
    await chmod(file, 0o644)
    const flags = ['--config', config, '--kid', 'OLD', '--until', '2099-01-01T00:00:00Z']
    const both = await tessera(['keys', 'import', file, ...flags, '--use', 'sign'])
    assert.deepEqual([both.code, /for keys that only verify/.test(both.stderr)], [2, true])
    const imported = await tessera(['keys', 'import', file, ...flags], 'of the old server\n')
    assert.equal(imported.code, 0, imported.stderr)
    assert.match(
      imported.stdout,
      /^imported kid=OLD alg=RS256 state=verification .* until=2099-01-01T00:00:00Z$/m,
    )
    assert.match(imported.stderr, /warning: other users of this machine can read .*; run: chmod 600 /)
    assert.doesNotMatch(imported.stdout + imported.stderr, /of the old server\n|PRIVATE/)
    await until('the server publishes it', () => server.keys.published('OLD') !== undefined)

    const signing = server.keys.signing('ES256').kid
    // One of 64 key ids begins with a hyphen.
    const last = ['--config', config, '--', signing]
    const refused = await tessera(['keys', 'remove', ...last])
    assert.deepEqual([refused.code, /this key signs now/.test(refused.stderr)], [1, true])
    const removed = await tessera(['keys', 'remove', '--force', ...last])
    assert.equal(removed.code, 0, removed.stderr)
    assert.match(
      removed.stdout,
      new RegExp(`^removed kid=${signing} alg=ES256\naccess tokens, .* signed_from=`),
    )
    const hyphen = await tessera(['keys', 'remove', '-kid', '--config', config])
    assert.deepEqual([hyphen.code, /comes last, after "--"/.test(hyphen.stderr)], [2, true])
    await until('the server drops it', () => server.keys.verification(signing) === undefined)
    assert.notEqual(server.keys.signing('ES256').kid, signing)
  } finally {
    await server.close()
  }
})
