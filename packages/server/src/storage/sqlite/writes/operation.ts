/** The types of write operations: what the writer thread runs inside its transaction, and how the main thread calls it. */

import type { DatabaseSync } from 'node:sqlite'

/** Operations by name. Each receives the writer's connection once, and then plain values for each call. */
// biome-ignore lint/suspicious/noExplicitAny: represents any arguments, as `Calls` infers them
export type Writes = Readonly<Record<string, (database: DatabaseSync) => (...values: any[]) => unknown>>

/** The same operations as the main thread calls them. Each promise resolves once its transaction is on disk. */
export type Calls<Operations extends Writes> = {
  readonly [Name in keyof Operations]: (
    ...values: Parameters<ReturnType<Operations[Name]>>
  ) => Promise<ReturnType<ReturnType<Operations[Name]>>>
}
