/** Client certificates by their thumbprint (RFC 8705 §3.1). */

import { hash } from 'node:crypto'
import type { Confirmation } from './authorization.ts'

/** The SHA-256 of a certificate in base64url. @param certificate DER in base64, as {@link Peer} has it. */
export const thumbprintOf = (certificate: string): string =>
  hash('sha256', Buffer.from(certificate, 'base64'), 'base64url')

/** How a token is bound to a certificate (RFC 8705 §3.1). */
export const certificateConfirmation = (certificate: string): Confirmation => ({
  'x5t#S256': thumbprintOf(certificate),
})
