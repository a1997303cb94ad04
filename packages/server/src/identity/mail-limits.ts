/** Limits on mail that strangers can cause: what one address is sent of each kind, and what one network may ask for, in an hour. */

import type { Seconds } from '@tessera/protocol/brand'
import { identityKey } from '../model/stored-user.ts'
import { networkKeys } from '../runtime/network.ts'
import type { CountAttempt, Forgive } from './attempts.ts'

type MailCount =
  | {
      /** False: this address was sent enough; whoever asks is told what everybody is told. */
      readonly send: boolean
      /** Takes both counts back: the mail was lost before it was kept. */
      readonly forgive: Forgive
      /** Takes the count of the address back: no mail was due after all, but the network did ask. */
      readonly unsent: Forgive
    }
  | { readonly wait: Seconds }

/** Each kind by itself: whoever uses up one, such as invitations, keeps nobody from the mail that lets them in again. */
type MailReason = 'sign_up' | 'new_password' | 'new_address'

export type CountMail = (reason: MailReason, from: string, to: string) => Promise<MailCount>

const hour = 3600
const mostToAddress = 5
const mostFromNetwork = 50

export const createMailCounter =
  ({ countAttempt }: { countAttempt: CountAttempt }): CountMail =>
  async (reason, from, to) => {
    const network = await countAttempt(networkKeys('mail', from, { most: mostFromNetwork, span: hour }))
    if (!network.ok) return { wait: network.wait }
    const address = await countAttempt([
      { key: `${reason} mail to ${identityKey(to)}`, most: mostToAddress, span: hour },
    ]).catch(async error => {
      await network.forgive()
      throw error
    })
    const unsent = address.ok ? address.forgive : async () => {}
    const forgive = async () => {
      await Promise.all([network.forgive(), unsent()])
    }
    return { send: address.ok, forgive, unsent }
  }
