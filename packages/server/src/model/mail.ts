/** Mail to users (RFC 5322). */

import type { Seconds } from '@tessera/protocol/brand'

export type Mail = {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** What the text leads to. */
  readonly link?: string
}

/** Rejects where it could not be handed on; with `MailRefused` where it never will be. */
export type SendMail = (mail: Mail) => Promise<void>

/** Nobody takes mail for this address. */
export class MailRefused extends Error {
  override readonly name = 'MailRefused'
}

/** A mail that is to be sent, and how long it is worth something. */
export type OutgoingMail = Mail & { readonly lasts: Seconds }

/** A mail in the store until it is handed on. */
export type WaitingMail = {
  readonly id: string
  /** As JSON, sealed by a key derived from the master key: its link lets its reader into an account. */
  readonly sealed: Uint8Array
  /** How often it was tried. */
  readonly attempts: number
  /** When it is tried next. */
  readonly due_at: Seconds
  /** When it is given up. */
  readonly expires_at: Seconds
}

/** Who takes mail for delivery (RFC 6409). */
export type MailSettings = {
  readonly from: string
  readonly smtp: {
    readonly host: string
    readonly port: number
    /** TLS from the first byte on (RFC 8314 §3.3); else STARTTLS, which is required but on loopback. */
    readonly secure: boolean
    readonly username?: string
    readonly password?: string
  }
}
