/** Errors of the system and of the database that end a command: the place, the problem, what was expected, the fix. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { failureText } from '../../packages/server/src/cli/failure.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { listen } from '../../packages/server/src/http/node.ts'
import { createRouter } from '../../packages/server/src/http/router.ts'
import { StoreUnavailable } from '../../packages/server/src/runtime/ports.ts'
import { openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { openSqliteStores } from '../../packages/server/src/storage/sqlite/stores.ts'
import { testFolder } from '../support/folder.ts'
import { providePostgres } from '../support/postgres.ts'

const folder = testFolder()
const postgres = providePostgres()

/** Returns the text of the error that a promise rejects with. */
async function failure(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt()
  } catch (error) {
    return failureText(error)
  }
  throw new Error('it did not fail')
}

const assertText = (text: string, place: string, problem: RegExp, fix: RegExp): void => {
  const [first = '', expected = '', last = '', ...more] = text.split('\n')
  assert.ok(first.startsWith(`${place}: `), text)
  assert.match(first, problem)
  assert.match(expected, /^ {4}expected: \S/)
  assert.match(last, /^ {4}fix: {6}/)
  assert.match(last, fix)
  assert.deepEqual(more, [])
}

const router = createRouter({
  routes: [],
  headers: {},
  onError: () => {},
  isAllowedOrigin: () => false,
})

test('failures: a port in use, an address of another machine and an unknown host name', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  assertText(
    await failure(() => listen(router, { host: '127.0.0.1', port })),
    `127.0.0.1:${port}`,
    /another process listens there \(EADDRINUSE\)/,
    /--port/,
  )
  taken.close()
  assertText(
    await failure(() => listen(router, { host: '192.0.2.1', port: 0 })),
    '192.0.2.1',
    /does not have this address/,
    /--host/,
  )
  const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND id.invalid'), {
    ...{ code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'id.invalid' },
  })
  assertText(failureText(unknown), 'id.invalid', /host name is unknown/, /DNS/)
  const forbidden = Object.assign(new Error('listen EACCES'), {
    ...{ code: 'EACCES', syscall: 'listen', address: '0.0.0.0', port: 443 },
  })
  assertText(failureText(forbidden), '0.0.0.0:443', /may not listen on this port/, /proxy/)
})

test('failures: a store in a missing folder, in a folder, and in a file of another program', async () => {
  const missing = folder.at('missing', 't.db')
  assertText(
    await failure(() => openSqliteStores({ file: missing })),
    missing,
    /no such file or folder/,
    /create it/,
  )
  const directory = folder.at('directory.db')
  await mkdir(directory)
  assertText(
    await failure(() => openSqliteStores({ file: directory })),
    directory,
    /can not be opened/,
    /path/,
  )
  const text = folder.at('text.db')
  await writeFile(text, 'this is not a database, but it is long enough to be one of SQLite'.repeat(20))
  assertText(await failure(() => openSqliteStores({ file: text })), text, /not an SQLite database/, /storage/)
})

test('failures: a wrong password, a missing database and an unreachable server of PostgreSQL', async () => {
  const server = await postgres()
  const owner = await openConnection({ url: server.address })
  const role = `failing_${process.pid}`
  await owner.script(`create role ${role} login password 'right'`)
  await owner.close()
  const change = (changes: object): (() => Promise<unknown>) => {
    const url = Object.assign(new URL(server.address), changes).href
    return () => openConnection({ url })
  }
  const place = 'storage'
  const wrong = await failure(change({ username: role, password: 'wrong-password' }))
  assertText(wrong, place, /the password is wrong \(.*failing_/, /PGPASSWORD/)
  assert.ok(!wrong.includes('wrong-password'))
  assertText(await failure(change({ pathname: '/nowhere' })), place, /no such database/, /createdb/)
  assertText(
    await failure(() => openConnection({ url: 'postgres://u@127.0.0.1:1/x' })),
    '127.0.0.1:1',
    /does not respond/,
    /host and port/,
  )
})

test('failures: errors of the database by their code', () => {
  for (const [code, problem] of [
    ['28000', /may not connect/],
    ['42501', /may not create/],
    ['53300', /too many connections/],
    ['57P03', /starting or stopping/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /not trusted/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /another host/],
    [undefined, /does not respond \(timeout expired\)/],
  ] as const) {
    const cause = Object.assign(new Error('timeout expired'), { code })
    assertText(failureText(new StoreUnavailable('x', { cause })), 'storage', problem, /./)
  }
  const unlisted = Object.assign(new Error('relation "x" does not exist'), {
    ...{ code: '42P01', severity: 'ERROR' },
  })
  assertText(failureText(unlisted), 'storage', /PostgreSQL reported an error \(relation "x"/, /./)
})

test('failures: an error that says it already keeps its message', () => {
  assert.equal(
    failureText(new Error('this storage needs a master key: set TESSERA_MASTER_KEY')),
    'this storage needs a master key: set TESSERA_MASTER_KEY',
  )
  assert.equal(failureText('text'), 'text')
})

test('failures: a store that is unavailable without an error of a database says why itself', () => {
  assert.equal(
    failureText(new StoreUnavailable('too many writes are waiting')),
    'too many writes are waiting',
  )
  assert.equal(failureText(new StoreUnavailable('closed', { cause: null })), 'closed')
  const none = new StoreUnavailable('unreachable', { cause: new AggregateError([null]) })
  assert.equal(failureText(none), 'unreachable')
})

test('failures: an SQLite database that fails while it is read is explained by its code', () => {
  const unread = (errcode: number) =>
    new StoreUnavailable("the database can't be read", {
      cause: Object.assign(new Error('database disk image is malformed'), { errcode }),
    })
  // Extended codes have the primary one in their lowest byte.
  for (const code of [11, 267]) assertText(failureText(unread(code)), 'storage', /is damaged \(/, /backup/)
  // The shared memory file could not be extended, because the disk is full.
  assertText(failureText(unread(4874)), 'storage', /disk can not be read or written \(/, /free space/)
  assertText(failureText(unread(1)), 'storage', /SQLite reported an error \(database disk/, /rescode/)
})

test('failures: an SQLite database without the right to write it is named before it is used', async t => {
  if (process.getuid?.() === 0) return t.skip('root may write every file')
  const file = folder.at('unwritable.db')
  await (await openSqliteStores({ file })).close()
  await chmod(file, 0o400)
  assertText(
    await failure(() => openSqliteStores({ file })),
    file,
    /this user may not use it/,
    /owner or mode/,
  )
})

test('failures: whatever is thrown has a text', () => {
  for (const [thrown, text] of [
    [undefined, 'undefined'],
    [null, 'null'],
    [0, '0'],
  ] as const)
    assert.equal(failureText(thrown), text)
})

test('failures: a log level that is not known is an error, before anything starts', () => {
  const refused = parseConfiguration({}, { environment: { TESSERA_LOG_LEVEL: 'verbose' } })
  assert.ok(!refused.ok)
  assert.deepEqual(
    refused.errors.map(({ path, problem }) => [path, problem]),
    [['TESSERA_LOG_LEVEL', '"verbose" is not a log level']],
  )
  const near = parseConfiguration({}, { environment: { TESSERA_LOG_LEVEL: 'warning' } })
  assert.equal(near.ok ? '' : near.errors[0]?.nearest, 'warn')
  for (const level of ['debug', 'silent', ''])
    assert.ok(parseConfiguration({}, { environment: { TESSERA_LOG_LEVEL: level } }).ok)
})
