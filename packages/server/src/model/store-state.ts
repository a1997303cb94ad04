/** Describes a store, for an operator who checks it without changing it. */

import type { Seconds } from '@tessera/protocol/brand'

export type StoreState = {
  /** The version of its schema; 0: it has none yet. */
  readonly schema: number
  /** The newest version that this program knows. */
  readonly knownSchema: number
  readonly keys: readonly { readonly alg: string; readonly active_from: Seconds }[]
  /** Why acknowledged writes could be lost in a crash; undefined if they are durable. */
  readonly unsafe?: string
}
