/** Opens the root keys of a store with the master key. Other secrets are derived from them (HKDF, RFC 5869). */

import { createHmac } from 'node:crypto'
import type { DerivedKeys, MasterKey } from '../model/keys.ts'
import type { ConfiguredMasterKey } from '../model/master-key.ts'
import type { Settings } from '../model/ports/stores.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import { MasterKeyError } from './master-key-error.ts'
import { mastersOf, newRootKey, openRootKeys, rootKeysSetting, sealRootKeys } from './root-key-set.ts'
import { createRootKeys, type RootKey, type RootKeys } from './root-keys.ts'
import { createSealing } from './sealing.ts'
import { describeMaster, type Pause, serviceMasterKey } from './service-master-key.ts'
import { findMasterKey } from './unconfigured-master-key.ts'

/** The setting that identifies the first root key of a store. */
export const masterKeyCheck = 'master_key_check'

/** Returns a master key from a file or a variable. @param bytes 32 bytes. */
export function localMasterKey(bytes: Uint8Array): MasterKey {
  const derived = createDerivedKeys(bytes)
  const sealing = createSealing({ derived, purpose: 'wrap-root-keys' })
  return {
    kind: 'local',
    id: checkValueOf(derived),
    bytes,
    wrap: async key => sealing.seal(Buffer.from(key).toString('base64url'), wrappedName),
    unwrap: async wrapped => new Uint8Array(Buffer.from(sealing.open(wrapped, wrappedName), 'base64url')),
  }
}

const wrappedName = 'root keys'

/** Returns the keys derived from a master key that was never rotated. @param masterKey 32 bytes. */
export const createDerivedKeys = (masterKey: Uint8Array): DerivedKeys =>
  createRootKeys([{ version: 1, key: masterKey, active_from: 0 }], { now: () => 0 }).derived

type MasterKeyPlace = {
  readonly configured: ConfiguredMasterKey | undefined
  /** The one before, while it is replaced. */
  readonly previous?: ConfiguredMasterKey | undefined
  readonly storage: { readonly kind: string; readonly file?: string }
  readonly settings: Pick<Settings, 'get' | 'initialise'>
  readonly clock: Clock
  readonly log: Log
  /** Waits before a call to a key service is repeated. Default: real time. */
  readonly pause?: Pause | undefined
}

export type Unlocked = {
  readonly rootKeys: RootKeys
  /** The master keys of this process, the current one first. */
  readonly masters: readonly [MasterKey, ...MasterKey[]]
  /** The text of the stored set that the root keys are from; undefined if there is none. */
  readonly set: string | undefined
}

type Opened = Pick<Unlocked, 'set'> & { readonly keys: readonly RootKey[] }

/**
 * Opens the root keys with the configured master keys, or creates them for a new store. Rejects if there is no master key,
 * if it can't be used, or if the store does not accept it.
 */
export async function unlock(place: MasterKeyPlace): Promise<Unlocked> {
  const { settings, configured, previous, clock, log } = place
  const masterOf = (key: ConfiguredMasterKey): MasterKey =>
    key.kind === 'local' ? localMasterKey(key.bytes) : serviceMasterKey(key.service, place)
  // Read before the key file, because a new store's file is created before its setting.
  const check = await settings.get(masterKeyCheck)
  const stored = await settings.get(rootKeysSetting)
  const begun = check !== undefined || stored !== undefined
  const current = configured ? masterOf(configured) : localMasterKey(findMasterKey({ ...place, begun }))
  const masters: Unlocked['masters'] = previous ? [current, masterOf(previous)] : [current]
  const { keys, set } =
    begun || current.bytes
      ? await openStored(stored, { settings, masters })
      : await createFirst(current, settings)
  const rootKeys = createRootKeys(keys, clock)
  await requireCheck(settings, check, rootKeys.derived)
  const isCurrent = set === undefined ? keys[0]?.key === current.bytes : mastersOf(set).includes(current.id)
  if (!isCurrent) log.warn('master_key_not_rotated', { advice: rotateAdvice })
  return { rootKeys, masters, set }
}

/** A key service has no bytes to derive from, so a new store gets a random root key. Another process may store one first. */
async function createFirst(current: MasterKey, settings: MasterKeyPlace['settings']): Promise<Opened> {
  const keys = [newRootKey(1, 0)]
  const set = await sealRootKeys(keys, [current])
  const kept = await settings.initialise(rootKeysSetting, set)
  return kept === set ? { keys, set } : openSet(kept, [current])
}

/** A store that began with a local master key has it as its only root key until the first rotation. */
async function openStored(
  stored: string | undefined,
  { settings, masters }: Pick<MasterKeyPlace, 'settings'> & Pick<Unlocked, 'masters'>,
): Promise<Opened> {
  if (stored !== undefined) return openSet(stored, masters)
  const [current] = masters
  const kept = current.bytes
    ? await settings.initialise(masterKeyCheck, current.id)
    : await settings.get(masterKeyCheck)
  const fitting = masters.find(({ id }) => kept !== undefined && equalInConstantTime(kept, id))
  if (!fitting?.bytes) throw new MasterKeyError('master_key_mismatch', anotherMasterKey)
  return { keys: [{ version: 1, key: fitting.bytes, active_from: 0 }], set: undefined }
}

async function openSet(set: string, masters: Unlocked['masters']): Promise<Opened> {
  const keys = await openRootKeys(set, masters)
  if (keys) return { keys, set }
  const accepted = mastersOf(set)
    .map(describeMaster)
    .map(({ kind, id }) => `${kind} ${id}`)
  throw new MasterKeyError(
    'master_key_mismatch',
    `${replacedMasterKey}. The store accepts: ${accepted.join(', ')}`,
  )
}

/** Throws if the root keys are those of another store. Otherwise every refresh would fail silently. */
async function requireCheck(
  settings: Pick<Settings, 'initialise'>,
  check: string | undefined,
  derived: DerivedKeys,
): Promise<void> {
  const own = checkValueOf(derived)
  const kept = check ?? (await settings.initialise(masterKeyCheck, own))
  if (!equalInConstantTime(kept, own)) throw new MasterKeyError('master_key_mismatch', anotherMasterKey)
}

const rotateAdvice = 'run "tessera keys rotate-master" (docs/guides/keys.md)'
const anotherMasterKey =
  'the master key is not the one that this store was created with: configure that key, or set it as TESSERA_MASTER_KEY_PREVIOUS to replace it (docs/guides/keys.md)'
const replacedMasterKey =
  'the master key was replaced by "tessera keys rotate-master", or is that of another store: configure the current one (docs/guides/keys.md)'

/** Throws if the tenant's store was created with another master key. */
export const checkMasterKey = ({
  settings,
  derived,
}: {
  settings: Pick<Settings, 'initialise'>
  derived: DerivedKeys
}): Promise<void> => requireCheck(settings, undefined, derived)

/** Returns the value that identifies the first root key. */
const checkValueOf = (derived: DerivedKeys): string =>
  createHmac('sha256', derived.permanent('master-key-check')).update('tessera').digest('base64url')
