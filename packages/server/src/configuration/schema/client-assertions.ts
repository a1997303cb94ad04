/** Rules for client assertions (RFC 7523 §3): the same keys for the server and for one client. */

import * as z from '../shape/shapes.ts'
import { day, seconds } from './rule.ts'

const audience = () => z.enum(['any', 'issuer'])

/** 65 minutes: libraries sign assertions for an hour, and clocks differ. */
const defaultMaxLifetime = 3900

const maxLifetime = () => seconds(60, day)

export const serverAssertionsShape = {
  client_assertion_audience: audience()
    .default('any')
    .describe(
      'Accepted audiences of client assertions. any: the issuer or the URL of the endpoint; issuer: the issuer alone, as a string.',
    ),
  client_assertion_max_lifetime: maxLifetime()
    .default(defaultMaxLifetime)
    .describe('Seconds that the exp of a client assertion may be ahead.'),
} as const

export const clientAssertionsShape = {
  client_assertion_audience: audience()
    .optional()
    .describe('Accepted audiences of its assertions (private_key_jwt); omitted: those of the server.'),
  client_assertion_max_lifetime: maxLifetime()
    .optional()
    .describe('Seconds that the exp of its assertions may be ahead; omitted: those of the server.'),
} as const
