/**
 * The keys of the counters of attempts that belong to one person. All of them are defined here, so that they are found
 * when the person's data is exported or deleted. Other counters belong to networks, clients and browsers.
 */

import { mailboxOf } from './email-address.ts'

const key = (...parts: readonly (string | null)[]): string => JSON.stringify(parts)

export const countedKeys = {
  /** @param name see `guessedName`. */
  passwordOfName: (name: string) => key('password of name', name),
  /** @param account see `KnownAccounts`. */
  passwordAtKnownBrowsers: (account: string) => key('password at known browsers', account),
  secondFactorInMinutes: (sub: string) => key('second factor in minutes', sub),
  secondFactorInADay: (sub: string) => key('second factor in a day', sub),
  userCodeOfOneUser: (sub: string) => key('user code of one user', sub),
  frontChannelTokens: (sub: string, clientId: string) => key('front-channel tokens', sub, clientId),
  frontChannelTokensAtAllClients: (sub: string) => key('all front-channel tokens', sub),
  passwordResetOfAccount: (sub: string) => key('password reset of account', sub),
  /** @param name that nobody has. */
  passwordResetOfName: (name: string) => key('password reset of name', mailboxOf(name)),
  /** @param address in any spelling. */
  mailTo: (reason: MailReason, address: string) => `${reason} mail to ${mailboxOf(address)}`,
} as const

/** Changes that the owner of an account is notified of. */
const notifiedChanges = [
  'passwordChanged',
  'totp_added',
  'totp_removed',
  'passkey_added',
  'passkey_removed',
  'recovery_codes_made',
  'recovery_code_used',
  'identity_linked',
  'identity_unlinked',
] as const
export type NotifiedChange = (typeof notifiedChanges)[number]

export const mailReasons = ['sign_up', 'new_password', 'new_address', ...notifiedChanges] as const

/** Each kind is counted separately, so that a flood of invitations does not block password resets. */
export type MailReason = (typeof mailReasons)[number]
