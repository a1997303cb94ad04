/**
 * The master key without a configured one: SQLite uses a 0600 file next to the database, created at the first start, and
 * memory storage uses a new key. Other stores need a configured key.
 */

import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Log } from '../runtime/ports.ts'
import { isOpenToOthers } from '../runtime/private-file.ts'

const keyBytes = 32

/** @param begun whether the store was already used with a master key; if so, a missing key is not replaced. */
export function findMasterKey({
  storage,
  begun,
  log,
}: {
  readonly storage: { readonly kind: string; readonly file?: string }
  readonly begun: boolean
  readonly log: Log
}): Uint8Array {
  if (storage.kind === 'memory') return randomBytes(keyBytes)
  if (storage.file === undefined) throw new Error('this storage needs a master key: set TESSERA_MASTER_KEY')
  const file = `${storage.file}.key`
  if (begun && !existsSync(file)) {
    throw new Error(
      `the master key of ${storage.file} is missing: set TESSERA_MASTER_KEY, or restore ${file} (docs/guides/keys.md)`,
    )
  }
  const made = makeKeyFile(file)
  if (isOpenToOthers(statSync(file))) log.warn('master_key_file_readable_by_others', { file })
  log.warn(made ? 'master_key_made' : 'master_key_beside_database', {
    file,
    advice: 'for development only; in production set TESSERA_MASTER_KEY or TESSERA_MASTER_KEY_FILE',
  })
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url')
  if (key.length !== keyBytes) throw new Error(`${file} does not contain a master key of ${keyBytes} bytes`)
  return key
}

/**
 * Creates the file and returns true, or returns false if it exists. It is created atomically, so that processes that start
 * at the same time use the same key.
 */
function makeKeyFile(file: string): boolean {
  if (existsSync(file)) return false
  const draft = `${file}.${randomBytes(8).toString('hex')}.new`
  try {
    writeDurably(draft, `${randomBytes(keyBytes).toString('base64url')}\n`)
    try {
      // Unlike a rename, a link never replaces an existing file.
      linkSync(draft, file)
    } finally {
      unlinkSync(draft)
    }
    syncDirectory(dirname(file))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw new Error(`the master key can't be written to ${file} (${code}): set TESSERA_MASTER_KEY`, {
      cause: error,
    })
  }
}

function writeDurably(file: string, text: string): void {
  const descriptor = openSync(file, 'wx', 0o600)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Makes the file name durable. Not possible on Windows, which can't open directories. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
