/** Checks of the store, which is read and not changed, and of its backups. */

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Storage } from '../../configuration/configuration.ts'
import type { StoreState } from '../../model/store-state.ts'
import { type Finding, failed, ok, skipped, warning } from './finding.ts'

const day = 86_400

/** @param now seconds since 1970. */
export async function checkStore(storage: Storage, now: number): Promise<readonly Finding[]> {
  if (storage.kind === 'memory')
    return [skipped('schema', 'nothing is stored'), skipped('key-rotation', 'nothing is stored')]
  const { inspectStorage } = await import('../../app/administration.ts')
  const state = await inspectStorage(storage).catch((error: Error) => error)
  if (state instanceof Error) {
    const fix = 'run doctor where the server runs, with the same variables'
    return [
      failed('storage', state.message, fix),
      skipped('schema', 'the store can not be read'),
      skipped('key-rotation', 'the store can not be read'),
    ]
  }
  const unsafe = state.unsafe
    ? [failed('storage', state.unsafe, 'turn it on: a crash would lose or corrupt acknowledged writes')]
    : []
  return [...unsafe, checkSchema(state), checkRotation(state, now)]
}

function checkSchema({ schema, knownSchema }: StoreState): Finding {
  if (schema === knownSchema) return ok('schema', `version ${schema}`)
  return schema > knownSchema
    ? failed(
        'schema',
        `version ${schema}; this command knows ${knownSchema}`,
        'use the version of the servers',
      )
    : failed(
        'schema',
        `version ${schema} instead of ${knownSchema}`,
        'on SQLite, stop the old version first; then run tessera migrate (docs/guides/upgrading.md)',
      )
}

/** A key signs for 90 days, and servers announce the next one 14 days before (docs/guides/keys.md). */
const oldest = 91 * day

function checkRotation({ keys }: StoreState, now: number): Finding {
  const active = keys.filter(key => key.active_from <= now)
  if (active.length === 0)
    return failed('key-rotation', 'no key signs', 'start the server, which creates signing keys')
  const newest = new Map<string, number>()
  for (const { alg, active_from } of active) newest.set(alg, Math.max(newest.get(alg) ?? 0, active_from))
  const old = [...newest].filter(([, from]) => now - from > oldest)
  const age = Math.floor((now - Math.min(...newest.values())) / day)
  return old.length === 0
    ? ok('key-rotation', `the oldest key that signs is ${age} days old`)
    : warning(
        'key-rotation',
        `${old.map(([alg]) => alg).join(', ')}: signing for ${age} days`,
        'start a server on this store, or run tessera keys rotate; keys of unused algorithms can be removed',
      )
}

/** @param now seconds since 1970. */
export function checkBackups(folder: string | undefined, now: number): Finding {
  if (folder === undefined) return skipped('backup', 'name the folder of backups with --backups')
  const fix = 'back up daily (docs/guides/backup.md), and alert if that fails'
  let newest = 0
  try {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const file = statSync(join(folder, name))
      if (file.isFile() && file.size > 0) newest = Math.max(newest, file.mtimeMs / 1000)
    }
  } catch (error) {
    return failed('backup', error instanceof Error ? error.message : String(error), fix)
  }
  if (newest === 0) return failed('backup', `${folder} contains no backup`, fix)
  // A file that is being written is a moment ahead of the time at which this check began.
  const hours = Math.max(0, Math.floor((now - newest) / 3600))
  return hours < 25
    ? ok('backup', `the newest file is ${hours} hours old`)
    : failed('backup', `the newest file is ${hours} hours old`, fix)
}
