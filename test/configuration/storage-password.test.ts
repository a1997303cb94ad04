/** The password of a database whose address is in a file. */

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { test } from 'node:test'
import type { Configuration } from '../../packages/server/src/configuration/configuration.ts'
import { restartErrors } from '../../packages/server/src/configuration/restart.ts'
import { testFolder } from '../support/folder.ts'
import { masterKey } from '../support/tessera.ts'
import { parsed } from './errors.ts'

const folder = testFolder()

const read = (input: object): Configuration =>
  parsed({ ...input }, { directory: folder.at(), environment: { TESSERA_MASTER_KEY: masterKey } })
    .configuration

const address = (password: string, host = 'db.example') => `postgres://tessera:${password}@${host}/tessera`

const passwordsOf = async ({ storage }: Configuration) => {
  assert.equal(storage.kind, 'postgres')
  return [await storage.password?.(), await storage.replicaPassword?.()]
}

test('database password: each new connection reads the file again', async () => {
  await folder.write('db', `${address('first%21')}\n`)
  const configuration = read({ storage: { file: 'db' } })
  assert.deepEqual(await passwordsOf(configuration), ['first!', undefined])
  await folder.write('db', address('second'))
  assert.deepEqual(await passwordsOf(configuration), ['second', undefined])
  // Another database requires a restart.
  await folder.write('db', address('third', 'other.example'))
  assert.deepEqual(await passwordsOf(configuration), ['second', undefined])
  await rm(folder.at('db'))
  assert.deepEqual(await passwordsOf(configuration), ['second', undefined])
})

test('database password: an address without one, or not in a file, is left to the driver', async () => {
  await folder.write('db', 'postgres://tessera@db.example/tessera')
  for (const storage of [{ file: 'db' }, address('literal')])
    assert.deepEqual(await passwordsOf(read({ storage })), [undefined, undefined])
})

test('database password: the replica has its own', async () => {
  await folder.write('db', address('primary'))
  await folder.write('replica', address('standby', 'standby.example'))
  const [db, replica] = [{ file: 'db' }, { file: 'replica' }]
  const literal = address('literal', 'standby.example')
  assert.deepEqual(await passwordsOf(read({ storage: db, storage_replica: replica })), ['primary', 'standby'])
  assert.deepEqual(await passwordsOf(read({ storage: db, storage_replica: literal })), ['primary', 'literal'])
  assert.deepEqual(await passwordsOf(read({ storage: literal, storage_replica: replica })), [
    undefined,
    'standby',
  ])
})

test('database password: a new one in the file needs no restart, and everything else does', async () => {
  const at = async (content: string, storage: unknown = { file: 'db' }): Promise<Configuration> => {
    await folder.write('db', content)
    await folder.write('copy', content)
    return read({ storage, storage_replica: { file: 'db' } })
  }
  const running = await at(address('first'))
  const pathsFor = async (...next: Parameters<typeof at>) =>
    restartErrors(running, await at(...next)).map(({ path }) => path)
  assert.deepEqual(await pathsFor(address('second')), [])
  assert.deepEqual(await pathsFor(address('first', 'other.example')), ['storage', 'storage_replica'])
  assert.deepEqual(await pathsFor(address('first'), { file: 'copy' }), ['storage'])
  assert.deepEqual(await pathsFor(address('first'), address('first')), ['storage'])
  const literal = read({ storage: address('first') })
  assert.deepEqual(
    restartErrors(literal, read({ storage: address('second') })).map(({ path }) => path),
    ['storage'],
  )
})
