/** One connection to an LDAP directory for one sign-in: encrypted before anything is said, closed at the end (RFC 4511, RFC 4513 §3). */

import type { Client } from 'ldapts'
import type { Directory } from '../../model/user.ts'

/** What a directory says of an entry: values as bytes where asked for so. */
export type DirectoryEntry = { readonly dn: string } & Readonly<
  Record<string, Buffer | Buffer[] | string | string[]>
>

/** Runs this on a connection of its own; rejects where it can't be made, or after the time that the configuration gives. */
export async function withConnection<Value>(
  directory: Directory,
  use: (client: Client) => Promise<Value>,
): Promise<Value> {
  // Loaded when first used: a part of the start that many installations never need.
  const { Client } = await import('ldapts')
  const { url, tls, ca, timeout } = directory
  const { hostname } = new URL(url)
  const tlsOptions = {
    minVersion: 'TLSv1.2' as const,
    servername: hostname,
    host: hostname,
    ...(ca !== undefined && { ca }),
  }
  const limit = timeout * 1000
  const secure = url.startsWith('ldaps:')
  const client = new Client({
    url,
    timeout: limit,
    connectTimeout: limit,
    strictDN: false,
    ...(secure && { tlsOptions }),
  })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the directory took too long')), limit)
  })
  const work = async () => {
    // RFC 4513 §3.1.1: before any bind. Without it the sign-in fails: it never goes on in the clear.
    if (!secure && tls === 'required') await client.startTLS(tlsOptions)
    return use(client)
  }
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
    client.unbind().catch(() => {})
  }
}
