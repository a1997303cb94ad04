/** Describes master keys to operators, and tries a key service. */

import type { MasterKey } from '../model/keys.ts'
import type { CheckedMasterKeyService } from '../model/master-key.ts'
import { silentLog } from '../runtime/ports.ts'
import type { Unlocked } from './master-key.ts'
import { mastersOf, newRootKey, sealRootKeys } from './root-key-set.ts'
import { describeMaster, serviceMasterKey } from './service-master-key.ts'

export type MasterKeyInfo = {
  readonly master_key: MasterKey['kind']
  /** The id of a key service, or the beginning of the check value of a local key. */
  readonly id: string
  /** Whether this process has it. */
  readonly configured: boolean
  /** Whether the store accepts it. */
  readonly accepted: boolean
}

/** Returns the configured master keys, the current one first, and others that the store accepts. */
export function masterKeysOf({ masters, rootKeys, set }: Unlocked): readonly MasterKeyInfo[] {
  const accepted =
    set === undefined
      ? masters.filter(({ bytes }) => bytes === rootKeys.list()[0]?.key).map(({ id }) => id)
      : mastersOf(set)
  const configured = masters.map(({ id }) => id)
  return [...new Set([...configured, ...accepted])].map(stored => {
    const { kind, id } = describeMaster(stored)
    return {
      master_key: kind,
      id,
      configured: configured.includes(stored),
      accepted: accepted.includes(stored),
    }
  })
}

/** Wraps and unwraps random bytes, as a start and a rotation do. Rejects if that fails. */
export async function tryKeyService(service: CheckedMasterKeyService): Promise<void> {
  await sealRootKeys([newRootKey(1, 0)], [serviceMasterKey(service, { log: silentLog })])
}
