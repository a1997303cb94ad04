/**
 * Replaces the master key while servers run. Each step can be repeated after an interruption, and what is done is in the
 * store:
 *
 * 1. A new root key is stored, and both master keys open the set.
 * 2. After two minutes, every node knows the new root key, and makes new values with it.
 * 3. Values that are kept without an expiry are sealed again. Those that nothing can open are reported and left.
 * 4. The earlier root keys get a time at which they are no longer accepted, after the longest lifetime of any value.
 * 5. When all nodes have the new master key, the old one is removed from the set.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../model/keys.ts'
import type { Settings } from '../model/ports/stores.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import type { Unlocked } from './master-key.ts'
import { type ResealedStores, type ResealPorts, resealStore } from './reseal.ts'
import { mastersOf, newRootKey, openRootKeys, rootKeysSetting, sealRootKeys } from './root-key-set.ts'
import { rootKeyInterval } from './root-key-watch.ts'
import type { RootKey } from './root-keys.ts'
import { describeUnopened, fieldsOf, type UnopenedValueOf } from './unopened-value.ts'

export type RotationPorts = Unlocked & {
  readonly settings: Pick<Settings, 'get' | 'initialise' | 'replace'>
  readonly clock: Clock
  /** Logs the values that can't be opened. */
  readonly log: Pick<Log, 'error'>
  /** Runs the work with the store of each issuer. `tenant` is undefined for the server's own store. */
  readonly eachStore: (
    work: (stores: ResealedStores, derived: DerivedKeys, tenant: string | undefined) => Promise<void>,
  ) => Promise<void>
  /** Returns the places of the secrets of a stored entry. */
  readonly secretPaths: ResealPorts['secretPaths']
  /** Waits, so that every node learns of the new root key. */
  readonly sleep: (seconds: Seconds) => Promise<void>
  /** Seconds that earlier root keys are still accepted: at least the longest lifetime of a value made with them. */
  readonly grace: Seconds
  readonly report: (step: string) => void
}

export type MasterKeyRotated = {
  /** Whether nothing changed, except that the key service wrapped the root keys again, with the current version of its key. */
  readonly rewrapped: boolean
  /** Whether the store accepts only the current master key. */
  readonly finished: boolean
  /** When values that were made with earlier root keys are no longer accepted; undefined if there are none. */
  readonly retires_at: Seconds | undefined
}

/** Seconds before a new root key is used. Every node has read the store several times by then. */
const lead = 4 * rootKeyInterval
const mostVersions = 255

/**
 * Rotates from the previous master key to the current one, or continues where an earlier run stopped.
 * @param finish also removes the previous master key: no process may start with it afterwards.
 */
export async function rotateMasterKey(
  ports: RotationPorts,
  { finish }: { readonly finish: boolean },
): Promise<MasterKeyRotated> {
  const { rootKeys, clock, sleep, report } = ports
  const begun = await begin(ports)
  const newest = await newestOf(ports)
  for (let left = newest.active_from - clock.now(); left > 0; left = newest.active_from - clock.now()) {
    report(`waiting ${left} s, until every node knows the new root key`)
    await sleep(left)
  }
  const { count, unopened } = await resealAll(ports)
  report(`sealed ${count} stored secrets with the new root key`)
  reportUnopened(ports, unopened)
  const retires_at = clock.now() + ports.grace
  const updated = await update(ports, keys => keys.map(key => retired(key, newest, retires_at)), finish)
  const ends = rootKeys.list().flatMap(({ retires_at = 0 }) => (retires_at > clock.now() ? [retires_at] : []))
  return {
    rewrapped: updated === 'rewrapped' && !begun,
    finished: mastersOf(await requireStored(ports)).length === 1,
    retires_at: ends.length > 0 ? Math.max(...ends) : undefined,
  }
}

/** Stores a new root key, unless the store accepts the current master key already. Returns whether it was stored here. */
async function begin(ports: RotationPorts): Promise<boolean> {
  const { settings, masters, rootKeys, clock, report } = ports
  const [current] = masters
  const before = await settings.get(rootKeysSetting)
  if (before !== undefined && mastersOf(before).includes(current.id)) return false
  if (before === undefined && current.bytes && isFirst(current.bytes, rootKeys.list()))
    throw new NothingToRotate('this is the master key that the store was created with')
  if (before !== undefined && mastersOf(before).some(id => !masters.some(master => master.id === id)))
    throw new Error('an earlier rotation is not finished: run it with --finish and its own master key first')
  const version = Math.max(...rootKeys.list().map(key => key.version)) + 1
  if (version > mostVersions)
    throw new Error(`the master key was rotated ${mostVersions - 1} times, which is the limit`)
  const key = newRootKey(version, clock.now() + lead)
  const next = await sealRootKeys([...rootKeys.list(), key], masters)
  const won =
    before === undefined
      ? (await settings.initialise(rootKeysSetting, next)) === next
      : await settings.replace(rootKeysSetting, before, next)
  report(won ? 'stored a new root key, for both master keys' : 'another process stored a new root key')
  // Another process may rotate to a third master key, which this one does not have.
  if (!won && !mastersOf(await requireStored(ports)).includes(current.id))
    throw new Error('another process rotates the master key to a different one')
  await reload(ports)
  return won
}

/** The operator must configure a new master key first. */
class NothingToRotate extends Error {}

const isFirst = (bytes: Uint8Array, [first]: readonly RootKey[]): boolean =>
  first !== undefined && Buffer.compare(bytes, first.key) === 0

async function newestOf(ports: RotationPorts): Promise<RootKey> {
  await reload(ports)
  const newest = ports.rootKeys.list().at(-1)
  if (!newest) throw new Error('there is no root key')
  return newest
}

const retired = (key: RootKey, newest: RootKey, retires_at: Seconds): RootKey =>
  key.version === newest.version || key.retires_at !== undefined ? key : { ...key, retires_at }

/** Seals until nothing is left that an earlier root key sealed: nodes may have added values meanwhile. */
async function resealAll({
  eachStore,
  rootKeys,
  secretPaths,
}: RotationPorts): Promise<{ readonly count: number; readonly unopened: readonly UnopenedValueOf[] }> {
  const hasRootKey = (version: number): boolean => rootKeys.list().some(key => key.version === version)
  let all = 0
  for (;;) {
    let changed = 0
    const unopened: UnopenedValueOf[] = []
    await eachStore(async (stores, derived, tenant) => {
      const resealed = await resealStore(stores, { derived, hasRootKey, secretPaths })
      changed += resealed.count
      unopened.push(...resealed.unopened.map(one => (tenant === undefined ? one : { ...one, tenant })))
    })
    all += changed
    if (changed === 0) return { count: all, unopened }
  }
}

/**
 * Names each value that was left. Nothing opens a damaged value again, so it does not keep the earlier root keys from
 * their end. Throws if another process may be able to open one of them: the earlier root keys are then accepted on.
 */
function reportUnopened({ log, report }: RotationPorts, unopened: readonly UnopenedValueOf[]): void {
  for (const value of unopened) {
    log.error('secret_not_resealed', fieldsOf(value))
    report(`left as it is, because it can't be opened: ${describeUnopened(value)}`)
  }
  const unknown = unopened.filter(({ reason }) => reason === 'root_key_unknown').length
  if (unknown > 0)
    throw new Error(
      `the rotation is not finished: ${unknown} of the stored secrets ${unknown === 1 ? 'names' : 'name'} a root key that the store does not have (root_key_unknown); run the command again, and if ${unknown === 1 ? 'it is' : 'they are'} still named, restore the setting "root_keys" that belongs to ${unknown === 1 ? 'it' : 'them'}, or replace ${unknown === 1 ? 'it' : 'them'} (docs/guides/keys.md)`,
    )
  if (unopened.length > 0)
    report(
      `${unopened.length} of the stored secrets can't be opened with any root key: replace or remove them (docs/guides/keys.md)`,
    )
}

/**
 * Changes the stored set by compare-and-set, for the same master keys, or for the current one only. A key service wraps
 * even an unchanged set again, so that an earlier version of its key is no longer needed.
 */
async function update(
  ports: RotationPorts,
  change: (keys: readonly RootKey[]) => readonly RootKey[],
  finish: boolean,
): Promise<'unchanged' | 'changed' | 'rewrapped'> {
  const { settings, masters, rootKeys } = ports
  for (;;) {
    await reload(ports)
    const before = await requireStored(ports)
    const keys = rootKeys.list()
    const next = change(keys)
    const [current] = masters
    const kept = finish ? [current] : masters.filter(({ id }) => mastersOf(before).includes(id))
    const isSame = keys.every((key, index) => key === next[index]) && mastersOf(before).length === kept.length
    if (isSame && !kept.some(({ kind }) => kind === 'service')) return 'unchanged'
    if (!finish && kept.length < mastersOf(before).length)
      throw new Error(
        'the previous master key is missing: set TESSERA_MASTER_KEY_PREVIOUS or masterKeyPrevious, or use --finish if no process needs it',
      )
    if (!(await settings.replace(rootKeysSetting, before, await sealRootKeys(next, kept)))) continue
    await reload(ports)
    return isSame ? 'rewrapped' : 'changed'
  }
}

async function requireStored({ settings }: RotationPorts): Promise<string> {
  const stored = await settings.get(rootKeysSetting)
  if (stored === undefined) throw new Error('the root keys were removed from the store')
  return stored
}

async function reload(ports: RotationPorts): Promise<void> {
  const keys = await openRootKeys(await requireStored(ports), ports.masters)
  if (!keys) throw new Error('the store accepts none of these master keys any more')
  ports.rootKeys.replace(keys)
}
