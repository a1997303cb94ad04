/** Lost connections to PostgreSQL: what is retried on a new one, and what is not. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openIssuer } from '../../packages/server/src/app/administration.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import type { TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import { withOrigin } from '../../packages/server/src/runtime/async/origin.ts'
import { StoreUnavailable } from '../../packages/server/src/runtime/ports.ts'
import { openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { openPool } from '../../packages/server/src/storage/postgres/database.ts'
import { certainlyNotExecuted } from '../../packages/server/src/storage/postgres/failure.ts'
import {
  openPostgresTenantStores,
  type TenantStoresOptions,
} from '../../packages/server/src/storage/postgres/stores.ts'
import { createWaits } from '../../packages/server/src/storage/postgres/waits.ts'
import { type PostgresServer, providePostgres } from '../support/postgres.ts'
import { untilSomebodyWaits } from '../support/postgres-locks.ts'
import { masterKey } from '../support/tessera.ts'
import { inTime } from '../support/until.ts'
import { accessEnding } from './stores/access.ts'
import {
  enablePrincipals,
  issuedCode,
  newHash,
  sampleAuthorization,
  sampleCode,
  sampleCommit,
  sampleUser,
} from './stores/samples.ts'

test('postgres: only a statement that was certainly not executed counts as such', () => {
  const closed = new Error('Client has encountered a connection error and is not queryable')
  const ended = (code: string, routine?: string) =>
    Object.assign(new Error('terminated'), { severity: 'FATAL', code, routine })
  for (const [error, bound, expected] of [
    [closed, false, true],
    [new StoreUnavailable('away', { cause: closed }), true, true],
    [new Error('Connection terminated unexpectedly'), false, false],
    [Object.assign(new Error('reset'), { code: 'ECONNRESET' }), false, false],
    [ended('57P01', 'ProcessInterrupts'), false, true],
    [ended('57P05', 'ProcessInterrupts'), false, true],
    [ended('57P01', 'ProcessInterrupts'), true, false],
    // A pooler's own message.
    [ended('57P01'), false, false],
    [ended('57014', 'ProcessInterrupts'), false, false],
  ] as const)
    assert.equal(certainlyNotExecuted(error, bound), expected, `${error.message} ${bound}`)
})

const postgres = providePostgres()
const opened: TenantStores[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(tenantStores => tenantStores.close()))
})
const open = async (url: string, options: Partial<TenantStoresOptions> = {}): Promise<TenantStores> => {
  const tenantStores = await openPostgresTenantStores({ url, ...options })
  opened.push(tenantStores)
  return tenantStores
}

const support = fileURLToPath(new URL('../support/postgres.ts', import.meta.url))

/** Ends every connection to the database, as a failover does, before this process reads any of them. */
function disconnectUnseen({ address }: Pick<PostgresServer, 'address'>, url: string): void {
  const script = `import { databasesAt } from ${JSON.stringify(support)}
    await databasesAt(process.argv[1]).disconnect(process.argv[2])`
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script, address, url],
    { timeout: 60_000, encoding: 'utf8' },
  )
  assert.equal(status, 0, stderr)
}

const times = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index))

test('postgres connections: after a failover, lost open connections fail no request', async () => {
  const server = await postgres()
  const url = await server.database()
  const warned: unknown[] = []
  const line = () => {}
  const log = { debug: line, info: line, error: line, warn: (event: string) => void warned.push(event) }
  const { main } = await open(url, { log })
  await enablePrincipals(main)
  for (let round = 0; round < 3; round++) {
    const user = sampleUser()
    await main.storedUsers.add(user)
    const codes = await Promise.all(times(30, () => issuedCode(main)))
    disconnectUnseen(server, url)
    const [found, issued, burnt, replaced, committed] = await Promise.all([
      Promise.all(codes.map(async ({ code }) => main.codes.find(code.hash))),
      Promise.all(times(10, () => issuedCode(main))),
      Promise.all(codes.slice(0, 5).map(({ code }) => main.codes.burn(code.hash, code.expires_at))),
      main.storedUsers.replace({ ...user, version: 2, epoch: 1 }, accessEnding()),
      Promise.all(
        codes
          .slice(5)
          .map(({ code }) =>
            main.commit(sampleCommit({ use: { kind: 'authorization_code', hash: code.hash } })),
          ),
      ),
    ])
    assert.ok(found.every(Boolean))
    for (const { code } of issued) assert.ok(await main.codes.find(code.hash))
    assert.deepEqual(
      burnt,
      times(5, () => true),
    )
    assert.equal(replaced.outcome, 'replaced')
    assert.deepEqual(
      committed,
      times(25, () => 'committed'),
    )
  }
  // A line for each of them would fill the disk while the database is read-only, and refuses every write.
  const lines = warned.filter(event => event === 'database_connection_lost').length
  assert.ok(lines > 0 && lines < 8, `${lines} lines for 30 lost connections`)
})

/** A proxy that forwards everything, and closes the connection instead of the next response. */
async function cuttable(url: string): Promise<{
  readonly url: string
  readonly cutNext: () => void
  /** Closes it instead of the response to the next message that contains this text. */
  readonly cutAfter: (text: string) => void
  readonly close: () => void
}> {
  let cuts = 0
  let awaited: string | undefined
  const open = new Set<Socket>()
  const proxy = createServer(near => {
    const far = connect(Number(new URL(url).port), '127.0.0.1')
    for (const socket of [near, far]) {
      open.add(socket)
      socket
        .on('error', () => {})
        .on('close', () => {
          open.delete(socket)
          near.destroy()
          far.destroy()
        })
    }
    near.on('data', (chunk: Buffer) => {
      if (awaited !== undefined && chunk.includes(awaited)) {
        awaited = undefined
        cuts = 1
      }
      far.write(chunk)
    })
    far.on('data', chunk => {
      if (cuts === 0) return void near.write(chunk)
      cuts -= 1
      near.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo
  return {
    url: Object.assign(new URL(url), { port: String(port) }).href,
    cutNext: () => {
      cuts = 1
    },
    cutAfter: text => {
      awaited = text
    },
    close() {
      for (const socket of open) socket.destroy()
      proxy.close()
    },
  }
}

test('postgres connections: a read whose response is lost is retried; a write whose outcome is unknown is not', async t => {
  const direct = await (await postgres()).database()
  const way = await cuttable(direct)
  t.after(way.close)
  const { main } = await open(way.url, { poolSize: 1 })
  await enablePrincipals(main)
  const { code, authorization } = await issuedCode(main)
  way.cutNext()
  assert.deepEqual(await main.codes.find(code.hash), { code, authorization })

  // Retried, it would report that another request had used the code.
  way.cutNext()
  await assert.rejects(
    main.commit(sampleCommit({ use: { kind: 'authorization_code', hash: code.hash } })),
    StoreUnavailable,
  )
  assert.notEqual((await main.codes.find(code.hash))?.code.used_at, undefined)

  const next = sampleAuthorization()
  way.cutNext()
  await assert.rejects(main.codes.issue(next, sampleCode(next)), StoreUnavailable)
  assert.ok(await main.authorizations.find(next.id))
})

test('postgres connections: a transaction is retried if its connection ends before the commit', async t => {
  const direct = await (await postgres()).database()
  const way = await cuttable(direct)
  t.after(way.close)
  const { main } = await open(way.url, { poolSize: 1 })
  const user = sampleUser()
  await issuedCode(main)
  way.cutNext()
  assert.equal(await main.storedUsers.add(user), true)
  assert.deepEqual(await main.storedUsers.find(user.sub), user)
})

test('postgres connections: a transaction is not retried once its commit was sent, because its outcome is unknown', async t => {
  const direct = await (await postgres()).database()
  const way = await cuttable(direct)
  t.after(way.close)
  const { main } = await open(way.url, { poolSize: 1 })
  const user = sampleUser()
  way.cutAfter('commit')
  // Retried, it would report that another user had the name.
  await assert.rejects(main.storedUsers.add(user), StoreUnavailable)
  assert.deepEqual(await main.storedUsers.find(user.sub), user)
})

/**
 * A proxy that lets nothing through, in both directions, from the first message with a text on, as a network that fails. The
 * database, which ends idle transactions after the same time, can't close the connection first.
 */
async function failing(url: string) {
  let awaited: string | undefined
  const sockets: Socket[] = []
  /** How it ended: the system of a closed one sends the messages again, that of a reset one discards them. */
  const ended = Promise.withResolvers<'closed' | 'reset'>()
  const proxy = createServer({ allowHalfOpen: true }, near => {
    let isHeld = false
    const far = connect(Number(new URL(url).port), '127.0.0.1')
    sockets.push(near, far)
    far
      .on('data', chunk => isHeld || near.write(chunk))
      .on('end', () => isHeld || near.end())
      .on('error', () => {})
    near
      .on('data', (chunk: Buffer) => {
        isHeld ||= awaited !== undefined && chunk.includes(awaited)
        if (!isHeld) far.write(chunk)
      })
      .on('error', () => {
        if (isHeld) ended.resolve('reset')
        far.destroy()
      })
      .on('end', () => {
        if (isHeld) ended.resolve('closed')
        far.end()
      })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo
  return {
    url: Object.assign(new URL(url), { port: String(port) }).href,
    failAt(text: string) {
      awaited = text
    },
    ended: ended.promise,
    close() {
      for (const socket of sockets) socket.destroy()
      proxy.close()
    },
  }
}

for (const [what, text, write] of [
  ['a write', 'insert into settings', main => main.settings.put('late', 'value')],
  ['the commit of a transaction', 'commit', main => main.storedUsers.add(sampleUser())],
] satisfies (readonly [string, string, (main: TenantStores['main']) => Promise<unknown>])[])
  test(`postgres connections: ${what} that the database did not receive in time is discarded`, async t => {
    const way = await failing(await (await postgres()).database())
    t.after(way.close)
    const timeouts = { connection: 10_000, statement: 300, lock: 300 }
    const { main } = await open(way.url, { poolSize: 1, timeouts })
    way.failAt(text)
    await assert.rejects(write(main), StoreUnavailable)
    assert.equal(await inTime('the connection ends', way.ended), 'reset')
  })

test('postgres connections: fewer connections than the pool allows serve all requests, and this is logged', async () => {
  const server = await postgres()
  const owner = await openConnection({ url: server.address })
  const role = `short_${process.pid}`
  await owner.script(`create role ${role} login password 'short' connection limit 5`)
  const database = new URL(await server.database(`owner ${role}`))
  Object.assign(database, { username: role, password: 'short' })
  const warned: Record<string, unknown>[] = []
  const line = () => {}
  const warn = (event: string, fields = {}) => void warned.push({ event, ...fields })
  const { main, close } = await open(database.href, { log: { debug: line, info: line, error: line, warn } })
  await enablePrincipals(main)
  const issued = await Promise.all(times(200, () => main.storedUsers.add(sampleUser())))
  assert.equal(issued.length, 200)
  const short = warned.find(({ event }) => event === 'database_connections_short')
  assert.equal(short?.wanted, 10)
  assert.ok(Number(short?.connections) <= 5, JSON.stringify(short))
  await close()
  await owner.close()
})

test('postgres connections: if the database grants none within the limit, the request gets 503', async () => {
  const server = await postgres()
  const owner = await openConnection({ url: server.address })
  const role = `none_${process.pid}`
  await owner.script(`create role ${role} login password 'none' connection limit 1`)
  const url = Object.assign(new URL(await server.database(`owner ${role}`)), {
    username: role,
    password: 'none',
  }).href
  const holder = await openConnection({ url })
  const pool = openPool({ url, timeouts: { connection: 300, statement: 20_000, lock: 20_000 } })
  try {
    const asked = pool.of('public').run('select 1', [])
    await assert.rejects(inTime('the request fails', asked), StoreUnavailable)
    await holder.close()
    assert.deepEqual((await pool.of('public').run('select 1', [])).rows, [[1]])
  } finally {
    await pool.close()
    await holder.close()
    await owner.close()
  }
})

test('postgres connections: work that waits for a connection when the stores are closed is done', async () => {
  const url = await (await postgres()).database()
  const { main } = await open(url, { poolSize: 1 })
  const written = times(5, index => main.settings.put(`key-${index}`, 'value'))
  const closing = opened.pop()!.close()
  await inTime('the writes end', Promise.all(written))
  await inTime('the stores are closed', closing)
  await assert.rejects(main.settings.put('later', 'value'), StoreUnavailable)
  const { main: next } = await open(url)
  for (let index = 0; index < written.length; index++)
    assert.equal(await next.settings.get(`key-${index}`), 'value')
  assert.equal(await next.settings.get('later'), undefined)
})

test('postgres connections: work that waits for a lock of this process when the stores are closed is done', async () => {
  const url = await (await postgres()).database()
  const { main } = await open(url)
  const sub = newHash()
  const written = times(5, () => main.recoveryCodes.replace(sub, [newHash(), newHash()]))
  const closing = opened.pop()!.close()
  await inTime('the writes end', Promise.all(written))
  await inTime('the stores are closed', closing)
  await assert.rejects(main.recoveryCodes.replace(sub, []), StoreUnavailable)
  assert.equal(await (await open(url)).main.recoveryCodes.count(sub), 2)
})

test('postgres connections: a write that had started when its session ended is not retried', async () => {
  const url = await (await postgres()).database()
  const { main } = await open(url)
  const { code } = await issuedCode(main)
  const holder = await openConnection({ url })
  try {
    await holder.script(
      `set search_path = tessera; begin; update codes set nonce = 'held' where hash = '${code.hash}'`,
    )
    const burnt = main.codes.burn(code.hash, code.expires_at)
    const refused = assert.rejects(burnt, StoreUnavailable)
    await untilSomebodyWaits(holder, burnt)
    await holder.run(
      `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pg_backend_pid() = any (pg_blocking_pids(pid))`,
      [],
    )
    await holder.script('rollback')
    await refused
    assert.equal((await main.codes.find(code.hash))?.code.used_at, undefined)
  } finally {
    await holder.close()
  }
})

test('postgres connections: a request that gets no connection within the limit gets 503', async () => {
  const server = await postgres()
  const timeouts = { connection: 200, statement: 20_000, lock: 20_000 }
  const pool = openPool({ url: await server.database(), poolSize: 1, timeouts })
  const { run } = pool.of('public')
  const slow = run('select pg_sleep(2)', [])
  await assert.rejects(async () => run('select 1', []), StoreUnavailable)
  await slow
  assert.deepEqual((await run('select 1', [])).rows, [[1]])
  await pool.close()
})

test('postgres connections: with a slow database, a statement that would wait too long for a connection gets 503 at once', () => {
  let now = 0
  const waits = createWaits(10, () => now)
  const refused = (waiting: number, reads: boolean): boolean => {
    try {
      waits.require({ waiting, reads })
      return false
    } catch (error) {
      assert.ok(error instanceof StoreUnavailable)
      return true
    }
  }
  const run = (milliseconds: number) => {
    const end = waits.begin()
    now += milliseconds
    end()
  }
  // Nothing is known about the database yet.
  assert.equal(refused(1000, true), false)
  times(50, () => run(2000))
  assert.deepEqual(
    [0, 9, 11, 24, 26].map(waiting => [refused(waiting, true), refused(waiting, false)]),
    [
      [false, false],
      [false, false],
      [true, false],
      [true, false],
      [true, true],
    ],
  )
  // The others waited for a lock, or while this process was busy.
  run(1)
  times(29, () => run(5000))
  assert.equal(refused(1000, true), false)
  run(5000)
  assert.equal(refused(1000, true), true)
})

test('postgres connections: the pool measures how long its statements take, and refuses those that would wait too long', async () => {
  const url = await (await postgres()).database()
  const pool = openPool({ url, poolSize: 1 })
  try {
    const { run } = pool.of('public')
    for (let count = 0; count < 3; count++) await run('select pg_sleep(0.7)', [])
    const slow = run('select pg_sleep(0.3)', [])
    const waiting = times(9, () => run('select 1', []))
    const outcomes = await Promise.allSettled([slow, ...waiting])
    const reasons = outcomes.flatMap(one => (one.status === 'rejected' ? [String(one.reason)] : []))
    assert.ok(reasons.length > 0)
    for (const reason of reasons)
      assert.match(reason, /StoreUnavailable: the database is too slow: \d+ statements wait/)
    assert.equal(outcomes[0]?.status, 'fulfilled')
    assert.equal((await run('select 1', [])).rows.length, 1)
  } finally {
    await pool.close()
  }
})

test('postgres connections: a command that the database refuses closes all, so that its process ends', async () => {
  const { database, alone } = await postgres()
  const url = await database()
  const read = parseConfiguration(
    { issuer: 'https://id.example', storage: url, audit: { enabled: true } },
    { environment: { TESSERA_MASTER_KEY: masterKey } },
  )
  if (!read.ok) assert.fail(JSON.stringify(read.errors))
  const { configuration: audited } = read
  await (await openIssuer(audited, audited)).close()
  const owner = await openConnection({ url })
  const name = new URL(url).pathname.slice(1)
  await owner.run(`alter database ${name} set default_transaction_read_only = on`, [])
  await owner.close()
  const command = { actor: { kind: 'command_line', command: 'keys rotate' }, options: [] } as const
  const refused = withOrigin(command, () => openIssuer(audited, audited))
  await assert.rejects(refused, { name: 'StoreUnavailable' })
  await alone(url)
})
