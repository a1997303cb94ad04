/** The DPoP key of a web page (RFC 9449), in IndexedDB: scripts can use it, but not read it. */

import { type DpopKeyOptions, type DpopKeyPair, generateDpopKey } from '../dpop/key.ts'
import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'

export type StoredDpopKeyOptions = Pick<DpopKeyOptions, 'alg'> & {
  /** Distinguishes the keys of several clients in one origin; the default is `default`. */
  readonly name?: string | undefined
}

/** The parts of IndexedDB that are used. */
type Pending<Value> = {
  readonly result: Value
  readonly error: unknown
  onsuccess: (() => void) | null
  onerror: (() => void) | null
}
type Keys = {
  readonly get: (name: string) => Pending<DpopKeyPair | undefined>
  readonly put: (key: DpopKeyPair, name: string) => Pending<unknown>
}
type Database = {
  readonly transaction: (store: string, mode: 'readwrite') => { readonly objectStore: (name: string) => Keys }
  readonly createObjectStore: (name: string) => unknown
  readonly close: () => void
}
type Factory = {
  readonly open: (
    name: string,
    version: number,
  ) => Pending<Database> & { onupgradeneeded: (() => void) | null }
}

const [databaseName, storeName] = ['tessera.dpop', 'keys']

/**
 * Returns the key of this origin, and generates it at the first call. It is not extractable. All tabs get the same key,
 * also if they ask for it at the same time. Fails with `unsupported` if the browser has no IndexedDB for this page.
 * @throws TypeError if the browser does not implement the algorithm.
 */
export async function storedDpopKey(options: StoredDpopKeyOptions = {}): Promise<Result<DpopKeyPair>> {
  const { name = 'default', alg } = options
  // Before the transaction, which ends as soon as it waits for anything else.
  const generated = await generateDpopKey({ alg })
  try {
    const database = await open()
    try {
      const keys = database.transaction(storeName, 'readwrite').objectStore(storeName)
      const found = await done(keys.get(name))
      if (found) return ok(found)
      await done(keys.put(generated, name))
      return ok(generated)
    } finally {
      database.close()
    }
  } catch (cause) {
    const message = 'IndexedDB is not available, so no key can be kept'
    return fail(new ClientError('unsupported', 'storage_unavailable', message, { cause }))
  }
}

function open(): Promise<Database> {
  const { indexedDB } = globalThis as unknown as { readonly indexedDB: Factory }
  const opening = indexedDB.open(databaseName, 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore(storeName)
  return done(opening)
}

const done = <Value>(pending: Pending<Value>): Promise<Value> =>
  new Promise((resolve, reject) => {
    pending.onsuccess = () => resolve(pending.result)
    pending.onerror = () => reject(pending.error)
  })
