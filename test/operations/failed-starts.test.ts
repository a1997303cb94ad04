/** A start or a command that fails closes what it had opened, so that the process can end or start again. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openUsers } from '../../packages/server/src/app/administration.ts'
import { openAudit } from '../../packages/server/src/app/audit-reading.ts'
import { startServer } from '../../packages/server/src/app/start-server.ts'
import { createTessera } from '../../packages/server/src/app/tessera.ts'
import type { Configuration } from '../../packages/server/src/configuration/configuration.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { withOrigin } from '../../packages/server/src/runtime/async/origin.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { importBegun } from '../../packages/server/src/storage/tables/archive.ts'
import { testFolder } from '../support/folder.ts'
import { issuer, masterKey } from '../support/tessera.ts'

const folder = testFolder()
let count = 0

const publicClient = (client_id: string) => ({
  client_id,
  token_endpoint_auth_method: 'none',
  redirect_uris: ['https://app.example/callback'],
})

/** Creates a store that was used before. */
async function createUsed() {
  const file = folder.at(`used-${++count}.db`)
  const configurationOf = (more: object = {}, key = masterKey): Configuration => {
    const parsed = parseConfiguration(
      {
        ...{ issuer, storage: `sqlite:${file}`, clients: [publicClient('web')] },
        ...{ audit: { enabled: true }, tenants: [{ name: 'acme', issuer: 'path' }] },
        ...more,
      },
      { environment: { TESSERA_MASTER_KEY: key } },
    )
    assert.ok(parsed.ok, JSON.stringify(parsed))
    return parsed.configuration
  }
  await (await createTessera(configurationOf(), { jobs: false })).close()
  return { file, configurationOf }
}

/** Returns statements that make the database refuse writes of such rows. */
const refusing = (table: string, condition = 'true'): string =>
  ['insert', 'update']
    .map(
      event =>
        `create trigger refuse_${event} before ${event} on ${table} when ${condition} begin select raise(abort, 'refused'); end;`,
    )
    .join(' ')

type Used = Awaited<ReturnType<typeof createUsed>>
type Failure = readonly [
  title: string,
  error: RegExp,
  start: (used: Used) => Promise<unknown>,
  /** Prepares the store. */
  sql?: string,
]

const otherKey = Buffer.alloc(32, 8).toString('base64')
const fails = () => {
  throw new Error('refused')
}

const failures: readonly Failure[] = [
  [
    'an unfinished import',
    /import .* is incomplete/,
    ({ configurationOf }) => createTessera(configurationOf()),
    `insert into settings (name, value) values ('${importBegun}', '')`,
  ],
  [
    'a clock that can’t be read',
    /refused/,
    ({ configurationOf }) => createTessera(configurationOf(), { machine: { wall: fails, monotonic: fails } }),
  ],
  ['another master key', /master key/, ({ configurationOf }) => createTessera(configurationOf({}, otherKey))],
  [
    'signing keys that can’t be created',
    /refused/,
    ({ configurationOf }) => createTessera(configurationOf(), { generateSigningKey: fails }),
    'delete from keys',
  ],
  [
    'tenants that can’t be recorded',
    /refused/,
    ({ configurationOf }) =>
      createTessera(configurationOf({ tenants: [{ name: 'globex', issuer: 'path' }] })),
    refusing('settings', "new.name = 'standing_of_tenants'"),
  ],
  [
    'principals that can’t be stored',
    /refused/,
    ({ configurationOf }) => createTessera(configurationOf({ clients: [publicClient('added')] })),
    refusing('standing'),
  ],
  [
    'an issuer that can’t be recorded',
    /refused/,
    ({ configurationOf }) => createTessera(configurationOf({ issuer: 'https://other.example' })),
    refusing('settings', "new.name = 'issuer'"),
  ],
  [
    'an audit log that can’t be written',
    /refused/,
    ({ configurationOf }) => createTessera(configurationOf()),
    refusing('webhook_messages'),
  ],
  [
    'an address that can’t be listened on',
    /EADDRNOTAVAIL/,
    ({ configurationOf }) => startServer(configurationOf({ host: '203.0.113.1' }), { log: silentLog }),
  ],
  [
    'an audit log that a command can’t open',
    /refused/,
    ({ configurationOf }) =>
      // Its own record is the one to append.
      withOrigin({ actor: { kind: 'command_line', command: 'audit verify' }, options: [] }, () =>
        openAudit(configurationOf(), configurationOf()),
      ),
    refusing('audit_records'),
  ],
  [
    'a dry run of a command with another master key',
    /master key/,
    ({ configurationOf }) =>
      openUsers(configurationOf({}, otherKey), configurationOf({}, otherKey), { dryRun: true }),
  ],
]

for (const [title, error, start, sql = ''] of failures)
  test(`failed starts: ${title}: every connection is closed`, async () => {
    const used = await createUsed()
    const database = new DatabaseSync(used.file)
    database.exec(sql)
    database.close()
    await assert.rejects(start(used), error)
    // SQLite removes it when the last connection of any thread closes.
    assert.equal(existsSync(`${used.file}-wal`), false)
  })
