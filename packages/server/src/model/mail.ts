/** Mail to users (RFC 5322). */

import type { Seconds } from '@tessera/protocol/brand'

export type Mail = {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** The link in the text. */
  readonly link?: string
}

/** Sends a mail. Rejects if that fails, with `MailRefused` if a retry is pointless. */
export type SendMail = (mail: Mail) => Promise<void>

/** Thrown if the submission server permanently refuses mail for the address. */
export class MailRefused extends Error {
  override readonly name = 'MailRefused'
}

/** A mail as it is stored, with the `sub` of its user, so that it is deleted with them. */
export type SealedMail = Mail & { readonly sub?: string | undefined }

/** A mail to send, and how long its content is valid. */
export type OutgoingMail = SealedMail & { readonly lasts: Seconds }

/** Returns the name that a waiting mail is sealed with. */
export const mailName = (id: string): string => `mail ${id}`

/** A stored mail that has not been sent yet. */
export type WaitingMail = {
  readonly id: string
  /** Encrypted JSON, because its link gives access to an account. */
  readonly sealed: Uint8Array
  /** The number of attempts so far. */
  readonly attempts: number
  /** When the next attempt is due. */
  readonly due_at: Seconds
  /** When attempts stop. */
  readonly expires_at: Seconds
}

/** The sender and the submission server (RFC 6409). */
export type MailSettings = {
  readonly from: string
  readonly smtp: {
    readonly host: string
    readonly port: number
    /** TLS from the start (RFC 8314 §3.3). Otherwise STARTTLS, which is required except on loopback. */
    readonly secure: boolean
    readonly username?: string
    readonly password?: string
    /** See `Directory`. */
    readonly allowed_private_networks?: readonly string[]
  }
}
