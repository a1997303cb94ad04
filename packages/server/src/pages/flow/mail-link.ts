/**
 * Links in emails: sealed, valid for an hour, and bound to the state that they change, so that each works once and
 * becomes invalid if the state changes. Opening a link has no effect, because mail scanners open links too.
 */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import { newId } from '../../model/handle.ts'
import { rememberUntil } from '../../model/jose.ts'
import type { DerivedKeys } from '../../model/keys.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import type { Clock, Random, TokenHash } from '../../runtime/ports.ts'
import type { Continuation } from './continuation.ts'
import { createSeals, sealLifetime } from './seal.ts'

export type MailLink =
  | {
      readonly kind: 'sign_up'
      /**
       * The account that the link creates. A `sub` is never reused, not even after a deletion, so the link creates at
       * most one account.
       */
      readonly sub: string
      readonly email: string
      readonly tenant?: string
      /** The request that waits for the new user, and the hash of the anti-forgery token of its browser. */
      readonly continuation?: Continuation
      readonly browser: string
    }
  | { readonly kind: 'confirm_email'; readonly sub: string; readonly email: string }
  | {
      readonly kind: 'reset_password'
      readonly sub: string
      /** Only for users of the operator's store: their rows may not show that the password has changed. */
      readonly round?: ResetRound
    }

/** The hour in which a link was created, and how many links of that hour the user had redeemed by then. */
type ResetRound = readonly [hour: number, redeemed: number]

type Kind = MailLink['kind']
export type LinkOf<Named extends Kind> = Extract<MailLink, { readonly kind: Named }>

/** The fields of a user that a link may change. */
export type LinkedUser = Pick<StoredUser, 'sub' | 'password' | 'email' | 'email_verified_at' | 'disabled_at'>

export type MailLinks = {
  /** @param user the user that the link changes, in their current state. */
  readonly seal: (link: MailLink, user?: LinkedUser) => string
  /**
   * Returns undefined for text that this server did not create, that was changed, that is of another kind, or that is
   * older than an hour.
   */
  readonly open: <Named extends Kind>(text: string | undefined, kind: Named) => LinkOf<Named> | undefined
  /** Returns whether the user is unchanged since the link was created. */
  readonly holds: (link: MailLink, user: LinkedUser) => boolean
  /** Returns the round of a new link. Redeeming a link redeems the older ones of the same user too. */
  readonly roundOf: (sub: string) => Promise<ResetRound>
  /** Resolves to whether this call was the first to redeem the link, or a link of its round. */
  readonly redeem: (link: MailLink) => Promise<boolean>
}

type MailLinkPorts = {
  readonly stores: Pick<Stores, 'usedAssertions'>
  readonly derived: DerivedKeys
  readonly clock: Clock
  readonly random: Random
}

type Sealed = MailLink & { readonly id: string; readonly asked_at: Seconds; readonly state: string }

export function createMailLinks(ports: MailLinkPorts): MailLinks {
  const { clock, derived, random } = ports
  const { usedAssertions } = ports.stores
  const seals = createSeals<Sealed>('mail-link', ports)
  const stateWith = (key: Uint8Array, kind: Kind, user: LinkedUser | undefined): string => {
    const parts = user && states[kind](user).map(part => part ?? null)
    return createHmac('sha256', key)
      .update(JSON.stringify(parts ?? null))
      .digest('base64url')
  }

  // Permanent, so that all nodes recognize a link that was redeemed while the master key is rotated.
  const markers = derived.permanent('mail-link-state')
  const hashOf = (what: string): TokenHash =>
    createHmac('sha256', markers).update(`redeemed ${what}`).digest('base64url') as TokenHash
  const hourOf = (at: Seconds): number => Math.floor(at / sealLifetime)
  const hashOfRound = (sub: string, round: ResetRound): TokenHash => hashOf(JSON.stringify([sub, ...round]))

  /** Resolves to whether the round was open. */
  const closeRound = (sub: string, round: ResetRound): Promise<boolean> =>
    usedAssertions.add({
      hash: hashOfRound(sub, round),
      // A link of the last second of the hour is valid for another hour.
      expires_at: rememberUntil((round[0] + 2) * sealLifetime),
    })

  async function openRound(sub: string, hour: number): Promise<ResetRound> {
    let redeemed = 0
    while (await usedAssertions.has(hashOfRound(sub, [hour, redeemed]))) redeemed++
    return [hour, redeemed]
  }

  /** Closes the round, and that of the other hour whose links may be valid. */
  async function redeemRound(sub: string, round: ResetRound): Promise<boolean> {
    if (!(await closeRound(sub, round))) return false
    const now = hourOf(clock.now())
    for (const hour of [now - 1, now])
      if (hour !== round[0]) await closeRound(sub, await openRound(sub, hour))
    return true
  }

  return {
    seal: (link, user) =>
      seals.seal({
        ...link,
        id: newId(random),
        asked_at: clock.now(),
        state: stateWith(derived.derive('mail-link-state'), link.kind, user),
      }),
    open: (text, kind) => {
      const link = seals.open(text)
      return link?.kind === kind ? (link as LinkOf<typeof kind> & Sealed) : undefined
    },
    holds(link, user) {
      const { state = '' } = link as Partial<Sealed>
      return derived
        .accepted('mail-link-state')
        .some(key => equalInConstantTime(state, stateWith(key, link.kind, user)))
    },
    roundOf: sub => openRound(sub, hourOf(clock.now())),
    redeem(link) {
      if (link.kind === 'reset_password' && link.round) return redeemRound(link.sub, link.round)
      const { id, asked_at } = link as Sealed
      return usedAssertions.add({ hash: hashOf(id), expires_at: rememberUntil(asked_at + sealLifetime) })
    },
  }
}

/** The state that must be unchanged for a link to be valid. */
const states = {
  sign_up: () => [],
  // A new password invalidates address changes that were requested with the old one.
  confirm_email: ({ sub, password, email, email_verified_at }) => [sub, password, email, email_verified_at],
  reset_password: ({ sub, password, email, disabled_at }) => [sub, password, email, disabled_at],
} as const satisfies Record<Kind, (user: LinkedUser) => readonly (string | number | undefined)[]>
