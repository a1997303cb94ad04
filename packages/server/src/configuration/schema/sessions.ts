/** How long browsers stay signed in, and what falls when a session ends. */

import type { SessionLifetimes } from '../../model/session.ts'
import * as z from '../shape/shapes.ts'
import { day, hour, minute, rule, seconds, year } from './rule.ts'

const defaultIdleLifetime = 2 * hour

export const sessionsSchema = z
  .strictObject({
    idle_lifetime: seconds(minute, year)
      .optional()
      .describe(
        'Seconds without use after which a session ends; omitted: 7200, or absolute_lifetime if shorter.',
      ),
    absolute_lifetime: seconds(minute, year)
      .default(10 * hour)
      .describe('Seconds after which a session ends, used or not.'),
    keep_signed_in: z
      .boolean()
      .default(false)
      .describe('The login page offers to keep the user signed in; else a session ends with the browser.'),
    keep_signed_in_lifetime: seconds(hour, year)
      .default(30 * day)
      .describe('Seconds that a session lasts, used or not, when the user wished to stay signed in.'),
    end_revokes: z
      .enum(['none', 'online', 'all'])
      .default('online')
      .describe('What falls with a session: nothing, codes and tokens without offline_access, or all.'),
    end_on_expiry: z
      .boolean()
      .default(false)
      .describe('A session that expires ends like one that is signed out: clients are told, tokens fall.'),
    same_site: z
      .enum(['lax', 'none'])
      .default('lax')
      .describe(
        'Whether frames of other sites get the session cookie, to renew tokens silently in browsers that allow third-party cookies.',
      ),
  })
  .check(
    rule(({ idle_lifetime, absolute_lifetime }) =>
      idle_lifetime === undefined || idle_lifetime <= absolute_lifetime
        ? undefined
        : {
            path: ['idle_lifetime'],
            problem: 'it is longer than absolute_lifetime, so it never counts',
            expected: `at most ${absolute_lifetime}, or none`,
            fix: 'make it shorter, remove it, or make absolute_lifetime longer',
          },
    ),
  )
  .prefault({})

export const lifetimesOf = (sessions: z.output<typeof sessionsSchema>): SessionLifetimes => ({
  idle: sessions.idle_lifetime ?? Math.min(defaultIdleLifetime, sessions.absolute_lifetime),
  absolute: sessions.absolute_lifetime,
  ...(sessions.keep_signed_in && { kept: sessions.keep_signed_in_lifetime }),
})
