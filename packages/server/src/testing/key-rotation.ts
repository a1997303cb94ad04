/** Rotates the signing keys of a test server immediately, without the announcement that caches of real clients need. */

import type { KeyInfo } from '../keys/key-state.ts'
import type { Running } from './running.ts'

export type RotateKeysOptions = {
  /**
   * Whether the replaced keys are no longer published, so that nothing they signed can be verified, as after a leak.
   * Default: false.
   */
  readonly retire?: boolean
}

/** Resolves to the published keys, with their state. */
export async function rotateKeys(
  { tessera, services, signingAtOnce }: Running,
  { retire = false }: RotateKeysOptions,
): Promise<readonly KeyInfo[]> {
  const { keys } = tessera
  const before = keys.list()
  await signingAtOnce(() => keys.rotate({ now: true }))
  if (!retire) return keys.list()
  for (const { kid } of before) await services().context.stores.keys.remove(kid)
  await keys.refresh()
  return keys.list()
}
