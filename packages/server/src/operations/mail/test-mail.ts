/** Sends an email to an operator, to verify the settings of mail. */

import type { MailSettings } from '../../model/mail.ts'
import { createSmtp } from './smtp.ts'

export type TestMailOutcome =
  /** The submission server that accepted it, as `host:port`. */
  | { readonly ok: true; readonly server: string }
  | {
      readonly ok: false
      /** The error of the connection or of the submission server, without the password. */
      readonly problem: string
      readonly fix: string
    }

/**
 * Sends one email to the address, without a queue and without retries. The submission server may accept it and fail to
 * deliver it later.
 */
export async function sendTestMail(
  mail: MailSettings,
  { to, issuer }: { readonly to: string; readonly issuer: string },
): Promise<TestMailOutcome> {
  const server = `${mail.smtp.host}:${mail.smtp.port}`
  const text = `This is a test of the mail settings of ${issuer}. If you can read it, users can receive mail.`
  try {
    await createSmtp(mail)({
      to,
      subject: 'Test of the mail settings',
      text,
      html: `<p>${escapeHtml(text)}</p>`,
    })
    return { ok: true, server }
  } catch (error) {
    const { message, code } = error as Error & { readonly code?: string }
    return {
      ok: false,
      problem: `mail.smtp: ${server}: ${message.replace(/\s+/g, ' ').trim()}`,
      fix: fixFor(code, mail),
    }
  }
}

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)

/** Returns advice for an error code of Nodemailer, Node or the outbound guard. */
function fixFor(code: string | undefined, { smtp: { host, port, secure } }: MailSettings): string {
  switch (code) {
    case 'EAUTH':
      return 'check mail.smtp.username and mail.smtp.password'
    case 'ETLS':
      return `${host}:${port} offers no STARTTLS: set mail.smtp.secure to true and use the port for TLS, usually 465`
    case 'EDNS':
    case 'ENOTFOUND':
    case 'outbound_name_unknown':
      return `check mail.smtp.host: no address of ${host} was found`
    case 'ECONNECTION':
    case 'ESOCKET':
    case 'ECONNREFUSED':
    case 'ETIMEDOUT':
      return `check that this machine may connect to ${host}:${port}, and that mail.smtp.secure is ${secure ? 'true only for TLS from the start, usually port 465' : 'false only for STARTTLS, usually port 587'}`
    case 'outbound_address_private':
      return 'see "Hosts in your network" in docs/guides/administration.md'
    case 'EENVELOPE':
      return 'check mail.from: the submission server may accept it only for other accounts'
    default:
      return 'see the message of the submission server'
  }
}
