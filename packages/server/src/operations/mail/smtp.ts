/** Sends emails by a submission server (RFC 6409). */

import { isIP } from 'node:net'
import { MailRefused, type MailSettings, type SendMail } from '../../model/mail.ts'
import { permittedAddresses } from '../../outbound/hosts.ts'

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/

/**
 * Milliseconds for one email: a server that responds byte by byte would never exceed the other limits. Shorter than the
 * queue's claim of an email.
 */
const sendLimit = 120_000

/** Milliseconds to resolve the name of a server that is not in the configuration file. */
const resolveLimit = 10_000

/** Loaded separately, so that a server without email does not pay for it. */
export const loadMailLibrary = () => import('nodemailer')

/** Opens a connection for each email, because few are sent. */
export function createSmtp({ from, smtp }: MailSettings): SendMail {
  const { host, port, secure, username = '', password = '', allowed_private_networks: allowed } = smtp
  return async ({ to, subject, text, html }) => {
    const { createTransport } = await loadMailLibrary()
    // Sent to the address that was checked, because the name may resolve to another one later.
    const addresses = allowed ? await permittedAddresses(host, { allowed, timeoutMs: resolveLimit }) : []
    // One is tried. Many machines have no route for IPv6.
    const address = addresses.find(one => isIP(one) === 4) ?? addresses[0] ?? host
    const transport = createTransport({
      host: address,
      ...(address !== host && { servername: host }),
      port,
      secure,
      requireTLS: !secure && !loopback.test(host),
      ...(username !== '' && { auth: { user: username, pass: password } }),
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      socketTimeout: 30_000,
      // The content of an email must not make the server read a file or an address.
      disableFileAccess: true,
      disableUrlAccess: true,
    })
    try {
      // One address: a string would be parsed as a list.
      const envelope = { from, to: { name: '', address: to } }
      await transport.sendMail({ ...envelope, subject, text, html, signal: AbortSignal.timeout(sendLimit) })
    } catch (error) {
      if (isRefused(error)) throw new MailRefused('the submission server refused the recipient')
      throw withoutPassword(error, { username, password })
    } finally {
      transport.close()
    }
  }
}

/**
 * Returns an error with the same code, whose message does not contain the password: a submission server may repeat what was
 * sent to it, as it is, or encoded as by AUTH LOGIN and PLAIN (RFC 4616 §2).
 */
function withoutPassword(
  error: unknown,
  { username, password }: { readonly username: string; readonly password: string },
): unknown {
  if (!(error instanceof Error) || password === '') return error
  const encoded = [`\0${username}\0${password}`, `${username}\0${username}\0${password}`, password].map(
    text => Buffer.from(text).toString('base64'),
  )
  const message = [...encoded, password].reduce(
    (text, secret) => text.replaceAll(secret, '***'),
    // The reply may be cut off in the middle of the password.
    error.message.replace(/\b(AUTH\s+[\w-]+)\s+\S+/gi, '$1 ***'),
  )
  return Object.assign(new Error(message), { code: (error as { code?: unknown }).code })
}

/** RFC 5321 §4.2.1: a 5yz reply to the recipient is permanent. */
const isRefused = (error: unknown): boolean => {
  const { code, command, responseCode } = error as { code?: string; command?: string; responseCode?: number }
  return code === 'EENVELOPE' && command === 'RCPT TO' && (responseCode ?? 0) >= 500
}
