/** Limits on mail that strangers can cause: what one address is sent of each kind, and what one network may ask for, in an hour. */

import type { Seconds } from '@tessera/protocol/brand'
import { identityKey } from '../core/stored-user.ts'
import type { CountAttempt } from './attempts.ts'
import { networkKeys } from './network.ts'

/** `silent`: this address was sent enough; whoever asks is told what everybody is told. */
export type MailCount = 'send' | 'silent' | { readonly wait: Seconds }

/** Each kind by itself: whoever uses up one, such as invitations, keeps nobody from the mail that lets them in again. */
export type MailReason = 'sign_up' | 'new_password' | 'new_address'

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
    ])
    return address.ok ? 'send' : 'silent'
  }
