/** Mail to users (RFC 5322). */

export type Mail = {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** What the text leads to. */
  readonly link?: string
}

/** Rejects where it could not be handed on. */
export type SendMail = (mail: Mail) => Promise<void>

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
