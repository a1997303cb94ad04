/** Stored secrets that can't be opened, so that a rotation of the master key leaves them as they are. */

import type { EntryKind } from '../model/entry.ts'
import { leastSealedBytes, sealedVersion } from './sealing.ts'
import { shownName } from './shown-name.ts'

/**
 * Why a stored secret can't be opened.
 *
 * - `damaged`: it is truncated, or was changed: it fails the authentication under the root key that it names. No other key opens it.
 * - `root_key_retired`: it names a root key that no process accepts any more.
 * - `root_key_unknown`: it names a root key that is not in the store as this process has read it. Another process may
 *   have stored a newer one, or the root keys are those of an older backup.
 */
type UnopenedReason = 'damaged' | 'root_key_retired' | 'root_key_unknown'

/** Names a stored secret, without its content. */
export type UnopenedValue = {
  readonly kind: 'signing_keys' | 'totp_secrets' | EntryKind
  /** The `kid`, the `sub`, or the id of the entry. */
  readonly id: string
  /** The place of the secret in its entry, as JSON. */
  readonly place?: string
  readonly reason: UnopenedReason
}

/** An unopened value, and the tenant with its own issuer whose store contains it. */
export type UnopenedValueOf = UnopenedValue & { readonly tenant?: string }

/**
 * Returns why bytes that did not open can't be opened.
 * @param hasRootKey returns whether the store has a root key of this version, retired or not.
 * @param isAccepted returns whether values of this version are still accepted.
 */
export function reasonOf(
  sealed: Uint8Array,
  {
    hasRootKey,
    isAccepted,
  }: { hasRootKey: (version: number) => boolean; isAccepted: (version: number) => boolean },
): UnopenedReason {
  const version = sealedVersion(sealed)
  // A database without strict types may return a text. No root key has the version 0.
  if (typeof version !== 'number' || version === 0 || sealed.length < leastSealedBytes) return 'damaged'
  if (!hasRootKey(version)) return 'root_key_unknown'
  return isAccepted(version) ? 'damaged' : 'root_key_retired'
}

/** Returns the fields of a log line, and of {@link describeUnopened}. Ids of damaged rows are shortened. */
export const fieldsOf = ({ kind, id, place, tenant, reason }: UnopenedValueOf) => ({
  kind,
  id: shownName(id),
  ...(place !== undefined && { place: shownName(place) }),
  ...(tenant !== undefined && { tenant }),
  reason,
})

/** Returns one line for an operator. Ids are quoted, because a damaged one may contain control characters. */
export function describeUnopened(value: UnopenedValueOf): string {
  const { kind, id, place, tenant, reason } = fieldsOf(value)
  const at = place === undefined ? '' : ` place=${place}`
  const whose = tenant === undefined ? '' : ` tenant=${JSON.stringify(tenant)}`
  return `kind=${kind} id=${JSON.stringify(id)}${at}${whose} reason=${reason}`
}
