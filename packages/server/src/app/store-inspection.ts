/** Reads the state of stores without changing them. */

import type { Storage } from '../configuration/configuration.ts'
import type { StoreState } from '../model/store-state.ts'

type DurableStorage = Exclude<Storage, { readonly kind: 'memory' }>

/** Reads the state of the server's own store, or of a tenant's. Rejects if it can't be read. */
export async function inspectStorage(storage: DurableStorage, tenant?: string): Promise<StoreState> {
  if (storage.kind === 'sqlite')
    return (await import('../storage/sqlite/inspect.ts')).inspectFile(storage.file, tenant)
  return (await import('../storage/postgres/inspect.ts')).inspectSchema(storage, tenant)
}

/**
 * Resolves to the state of the server's own store; undefined if it was not created. A file of another application exists,
 * with schema 0. Rejects if it can't be read.
 */
export async function findStore(storage: DurableStorage): Promise<StoreState | undefined> {
  if (storage.kind === 'sqlite') {
    const { fileExists, inspectFile } = await import('../storage/sqlite/inspect.ts')
    return fileExists(storage.file) ? inspectFile(storage.file) : undefined
  }
  const state = await inspectStorage(storage)
  return state.schema === 0 ? undefined : state
}

/** Rejects if the server's own store does not exist. It may have the schema of another version. */
export async function requireTables(storage: DurableStorage): Promise<void> {
  if ((await inspectStorage(storage)).schema === 0) throw noTables('the store')
}

const noTables = (what: string): Error =>
  new Error(`${what} has no tables of Tessera; the server creates them at its first start`)

/** Rejects if a store does not exist, or has another schema than that of this version. */
export const requireSchema = async (storage: DurableStorage, tenant?: string): Promise<void> =>
  requireKnownSchema(await inspectStorage(storage, tenant), tenant)

/** Throws if the store has another schema than that of this version. */
export function requireKnownSchema({ schema, knownSchema }: StoreState, tenant?: string): void {
  if (schema === knownSchema) return
  const what = tenant === undefined ? 'the store' : `the store of tenant "${tenant}"`
  if (schema === 0) throw noTables(what)
  throw new Error(
    `${what} has schema ${schema}, and this command reads ${knownSchema}; ${
      schema > knownSchema ? 'use the version of the servers' : 'run tessera migrate first'
    }`,
  )
}
