/** Handing mail on to a submission server (RFC 6409). */

import { MailRefused, type MailSettings, type SendMail } from '../../model/mail.ts'

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/

/**
 * Milliseconds for one mail: a server that answers byte by byte keeps within every other limit. Less than the queue's claim
 * of a mail lasts.
 */
const sendLimit = 120_000

/** A connection is made for each mail: accounts send few. */
export function createSmtp({ from, smtp }: MailSettings): SendMail {
  const { host, port, secure, username = '', password = '' } = smtp
  return async ({ to, subject, text, html }) => {
    // Loaded when first used: a server that sends nothing never pays for it.
    const { createTransport } = await import('nodemailer')
    const transport = createTransport({
      ...{ host, port, secure },
      requireTLS: !secure && !loopback.test(host),
      ...(username !== '' && { auth: { user: username, pass: password } }),
      ...{ connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 },
      // Nothing that a mail says may make the server read a file or an address.
      ...{ disableFileAccess: true, disableUrlAccess: true },
    })
    try {
      // As one address: a text would be read as a list.
      const envelope = { from, to: { name: '', address: to } }
      await transport.sendMail({ ...envelope, subject, text, html, signal: AbortSignal.timeout(sendLimit) })
    } catch (error) {
      throw isRefused(error) ? new MailRefused('nobody takes mail for the address') : error
    } finally {
      transport.close()
    }
  }
}

/** RFC 5321 §4.2.1: a 5yz reply to the recipient is for good. */
const isRefused = (error: unknown): boolean => {
  const { code, command, responseCode } = error as { code?: string; command?: string; responseCode?: number }
  return code === 'EENVELOPE' && command === 'RCPT TO' && (responseCode ?? 0) >= 500
}
