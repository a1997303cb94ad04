/** A connection to an LDAP directory for one sign-in: encrypted before anything is sent, closed at the end (RFC 4511, RFC 4513 §3). */

import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Client } from 'ldapts'
import type { Directory } from '../../model/user.ts'
import { permittedAddresses, pinned, withoutBrackets } from '../../outbound/hosts.ts'
import { bounded } from './bounded-socket.ts'

/** An entry of a directory. Values are bytes if they were requested as bytes. */
export type DirectoryEntry = { readonly dn: string } & Readonly<
  Record<string, Buffer | Buffer[] | string | string[]>
>

/** Runs `use` with a new connection. Rejects if connecting fails, or after the configured timeout. */
export async function withConnection<Value>(
  directory: Directory,
  use: (client: Client) => Promise<Value>,
): Promise<Value> {
  // Loaded on first use, because many installations never need it.
  const { Client } = await import('ldapts')
  const { url, tls, ca, timeout, allowed_private_networks: allowed } = directory
  const host = withoutBrackets(new URL(url).hostname)
  const tlsOptions = {
    minVersion: 'TLSv1.2' as const,
    // RFC 6066 §3: an address is no server name. The certificate is checked for `host` then.
    ...(isIP(host) === 0 && { servername: host }),
    host,
    ca,
  }
  const limit = timeout * 1000
  const secure = url.startsWith('ldaps:')
  const sockets: Socket[] = []
  let over = false
  let lookup: LookupFunction | undefined
  let timer: NodeJS.Timeout | undefined
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
    timer = setTimeout(() => reject(new Error('the directory took too long')), limit)
  })
  const opened = <Opened extends Socket>(socket: Opened): Opened => {
    sockets.push(socket)
    return bounded(socket, fail)
  }
  /**
   * The library opens another connection for what is sent after the first one has ended, without StartTLS. A password
   * that comes too late would be sent unencrypted.
   */
  const onlyOnce = (): void => {
    if (over || sockets.length > 0) throw new Error('the connection to the directory has ended')
  }
  const client = new Client({
    url,
    timeout: limit,
    connectTimeout: limit,
    strictDN: false,
    createConnection: (...to: unknown[]) => {
      const [port, host] = to as [number, string]
      onlyOnce()
      return opened(connect({ port, host, lookup }))
    },
    // For a new connection (`ldaps:`), or to encrypt one that exists (StartTLS).
    createSecureConnection: (...to: unknown[]) => {
      const [port, host, options] = to as [number, string, ConnectionOptions]
      if (typeof port !== 'number') return opened(connectTls(port as ConnectionOptions))
      onlyOnce()
      return opened(connectTls({ ...options, port, host, lookup }))
    },
    ...(secure && { tlsOptions }),
  })
  const work = async () => {
    if (allowed) lookup = pinned(await permittedAddresses(host, { allowed, timeoutMs: limit }))
    // RFC 4513 §3.1.1: before any bind. If it fails, the sign-in fails, and nothing is sent unencrypted.
    if (!secure && tls === 'required') await client.startTLS(tlsOptions)
    return use(client)
  }
  try {
    const value = await Promise.race([work(), failed])
    client.unbind().catch(() => {})
    return value
  } catch (error) {
    // Close immediately, so that a misbehaving directory can't send more.
    for (const socket of sockets) socket.destroy()
    client.unbind().catch(() => {})
    throw error
  } finally {
    over = true
    clearTimeout(timer)
  }
}
