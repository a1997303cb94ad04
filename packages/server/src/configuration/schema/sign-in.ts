/** Settings of sessions and second factors. */

import { factorMethods, type MfaPolicy } from '../../model/mfa.ts'
import type { Configuration } from '../configuration.ts'
import { canHavePasskeys } from '../issuer.ts'
import * as s from '../validation/kinds.ts'
import { day, hour, minute, seconds, year } from './values.ts'

const defaultIdleLifetime = 2 * hour

export const sessionsSchema = s
  .strictObject({
    idle_lifetime: seconds(minute, year)
      .optional()
      .describe(
        'Seconds without use after which a session ends. Default: 7200, or absolute_lifetime if shorter.',
      ),
    absolute_lifetime: seconds(minute, year)
      .default(10 * hour)
      .describe('Seconds after which a session ends, even if it is used.'),
    keep_signed_in: s
      .boolean()
      .default(false)
      .describe(
        'The login page offers to keep the user signed in. Otherwise a session ends with the browser.',
      ),
    keep_signed_in_lifetime: seconds(hour, year)
      .default(30 * day)
      .describe('Lifetime in seconds of a session that is kept, even if it is not used.'),
    end_revokes: s
      .enum(['none', 'online', 'all'])
      .default('online')
      .describe('What ends with a session: nothing, codes and tokens without offline_access, or everything.'),
    end_on_expiry: s
      .boolean()
      .default(false)
      .describe('Expired sessions end like a sign-out: clients are notified, tokens are revoked.'),
    same_site: s
      .enum(['lax', 'none'])
      .default('lax')
      .describe(
        'none: frames of other sites receive the session cookie, for silent token renewal in browsers that allow third-party cookies.',
      ),
  })
  .check(({ idle_lifetime, absolute_lifetime }) =>
    idle_lifetime === undefined || idle_lifetime <= absolute_lifetime
      ? undefined
      : {
          path: ['idle_lifetime'],
          problem: 'it is longer than absolute_lifetime, so it has no effect',
          expected: `at most ${absolute_lifetime}, or no idle_lifetime`,
          fix: 'make it shorter, remove it, or make absolute_lifetime longer',
        },
  )
  .default({})

export function sessionsOf(draft: s.output<typeof sessionsSchema>): Configuration['sessions'] {
  const { absolute_lifetime: absolute, keep_signed_in_lifetime: kept } = draft
  const idle = draft.idle_lifetime ?? Math.min(defaultIdleLifetime, absolute)
  return {
    lifetimes: draft.keep_signed_in ? { idle, absolute, kept } : { idle, absolute },
    endRevokes: draft.end_revokes,
    endOnExpiry: draft.end_on_expiry,
    sameSite: draft.same_site,
  }
}

const mode = () => s.enum(['off', 'if_enrolled', 'required'])
const methods = () => s.array(s.enum(factorMethods)).min(1)
const days = () => s.int().min(0).max(365)
const passwordGrant = () => s.enum(['refuse', 'allow'])

const meanings = {
  mode: 'off: no second factors; if_enrolled: required for users who have one; required: for all users, who enroll when they sign in.',
  methods: 'Available second factors: totp (an authenticator app), passkey. Recovery codes are included.',
  remember_browser_days:
    'For how many days users can skip the second factor in a remembered browser; 0: not available.',
  password_grant: 'Whether the password grant refuses users who need a second factor.',
} as const

export const mfaSchema = s
  .strictObject({
    mode: mode().default('if_enrolled').describe(meanings.mode),
    methods: methods()
      .default([...factorMethods])
      .describe(meanings.methods),
    remember_browser_days: days().default(0).describe(meanings.remember_browser_days),
    password_grant: passwordGrant().default('refuse').describe(meanings.password_grant),
  })
  .default({})

/** Omitted keys have the value of the server or the tenant. */
export const mfaOverrideSchema = s
  .strictObject({
    mode: mode().optional().describe(meanings.mode),
    methods: methods().optional().describe(meanings.methods),
    remember_browser_days: days().optional().describe(meanings.remember_browser_days),
    password_grant: passwordGrant().optional().describe(meanings.password_grant),
  })
  .optional()

/** Removes passkeys from the methods if the issuer can't have any. */
export const mfaOf = (draft: s.output<typeof mfaSchema>, issuer: string): MfaPolicy => ({
  ...draft,
  methods: draft.methods.filter(method => method !== 'passkey' || canHavePasskeys(issuer)),
})
