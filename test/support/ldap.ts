/**
 * A small LDAP server that speaks the protocol (RFC 4511, BER of X.690): simple bind, search, StartTLS, unbind. It
 * supports the filters and, or, equality, presence, substrings and not, and records its requests.
 */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { createSecureContext, createServer as createTlsServer, TLSSocket } from 'node:tls'

export type Entry = {
  readonly dn: string
  readonly password?: string
  /** The result of a bind instead of success, for accounts that are locked or expired. */
  readonly bindResult?: number
  readonly attributes: Readonly<Record<string, readonly (string | Buffer)[]>>
}

export type LdapServer = {
  readonly port: number
  /** The IP address that it listens on, as in a URL. */
  readonly address: string
  /** The requests it got, such as `bind uid=ada,…`. */
  readonly asked: string[]
  /** The filter of each search, a BER element (RFC 4511 §4.5.1.7) with lengths in one form. */
  readonly filters: Buffer[]
  entries: Entry[]
  /** Stops responding. */
  mute: boolean
  /** Sent after each bind instead of a response, repeatedly for as long as the connection is open. */
  endless: Buffer | undefined
  /** How many bytes of that were written, on all connections. */
  sent: number
  readonly connections: () => { readonly now: number; readonly most: number }
  readonly close: () => Promise<void>
}

export type LdapOptions = {
  readonly entries: readonly Entry[]
  /** Uses TLS from the first byte. */
  readonly ldaps?: boolean
  /** Refuses StartTLS. */
  readonly withoutTls?: boolean
}

type Node = { readonly tag: number; readonly value: Buffer }

const encode = (tag: number, ...parts: readonly (Buffer | string)[]): Buffer => {
  const value = Buffer.concat(parts.map(part => Buffer.from(part as string)))
  const { length } = value
  if (length < 128) return Buffer.concat([Buffer.of(tag, length), value])
  return Buffer.concat([
    Buffer.of(tag, 0x84),
    Buffer.from(length.toString(16).padStart(8, '0'), 'hex'),
    value,
  ])
}

/** The first element, and its length; undefined if it has not arrived completely. */
function decode(bytes: Buffer): { node: Node; length: number } | undefined {
  if (bytes.length < 2) return undefined
  const first = bytes[1]!
  const more = first < 128 ? 0 : first & 0x7f
  if (bytes.length < 2 + more) return undefined
  const size = more === 0 ? first : bytes.readUIntBE(2, more)
  const length = 2 + more + size
  return bytes.length < length
    ? undefined
    : { node: { tag: bytes[0]!, value: bytes.subarray(2 + more, length) }, length }
}

function children(value: Buffer): readonly Node[] {
  const nodes: Node[] = []
  for (let rest = value; rest.length > 0; ) {
    const found = decode(rest)
    if (!found) throw new Error('broken BER')
    nodes.push(found.node)
    rest = rest.subarray(found.length)
  }
  return nodes
}

/** With lengths in one form; the contents are unchanged. */
const canonical = ({ tag, value }: Node): Buffer =>
  encode(tag, ...(tag & 0x20 ? children(value).map(canonical) : [value]))

const enumerated = (value: number): Buffer => encode(0x0a, Buffer.of(value))
const octets = (value: string | Buffer): Buffer => encode(0x04, value)
const result = (tag: number, code: number, text = ''): Buffer =>
  encode(tag, enumerated(code), octets(''), octets(text))

const valuesOf = ({ attributes }: Entry, name: string): readonly string[] =>
  Object.entries(attributes)
    .filter(([key]) => key.toLowerCase() === name.toLowerCase())
    .flatMap(([, values]) => values.map(String))

function matches(entry: Entry, { tag, value }: Node): boolean {
  const [one, other] = tag === 0x87 ? [] : children(value)
  switch (tag) {
    case 0xa0:
      return children(value).every(node => matches(entry, node))
    case 0xa1:
      return children(value).some(node => matches(entry, node))
    case 0xa2:
      return !matches(entry, one!)
    case 0xa3:
      return valuesOf(entry, String(one!.value)).includes(String(other!.value))
    case 0xa4: {
      const parts = children(other!.value).map(part => String(part.value))
      return valuesOf(entry, String(one!.value)).some(text => parts.every(part => text.includes(part)))
    }
    case 0x87:
      return String(value) === 'objectClass' || valuesOf(entry, String(value)).length > 0
    default:
      throw new Error(`filter ${tag}`)
  }
}

export async function startLdapServer({ entries, ldaps, withoutTls }: LdapOptions): Promise<LdapServer> {
  const sockets = new Set<Socket>()
  const used = new Set<Socket>()
  let most = 0
  const state: LdapServer = {
    port: 0,
    address: '',
    asked: [],
    filters: [],
    entries: [...entries],
    mute: false,
    endless: undefined,
    sent: 0,
    connections: () => ({ now: sockets.size, most }),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }

  const serve = (socket: Socket): void => {
    let buffered = Buffer.alloc(0)
    let boundAs = ''
    const read = (chunk: Buffer): void => {
      buffered = Buffer.concat([buffered, chunk])
      for (let found = decode(buffered); found; found = decode(buffered)) {
        buffered = buffered.subarray(found.length)
        const [id, operation] = children(found.node.value)
        if (id && operation) answer(id, operation)
      }
    }
    socket.on('data', read)
    socket.on('error', () => {})

    function answer(id: Node, operation: Node): void {
      if (state.mute) return
      const send = (body: Buffer): void => {
        if (!socket.destroyed) socket.write(encode(0x30, encode(0x02, id.value), body))
      }
      if (operation.tag === 0x60 && state.endless) flood(state.endless)
      else if (operation.tag === 0x60) send(result(0x61, bind(children(operation.value))))
      else if (operation.tag === 0x63) for (const body of search(children(operation.value))) send(body)
      else if (operation.tag === 0x77) startTls(send)
      else if (operation.tag === 0x42) socket.end()
    }

    function flood(chunk: Buffer): void {
      while (!socket.destroyed) {
        state.sent += chunk.length
        if (!socket.write(chunk)) break
      }
      socket.once('drain', () => flood(chunk))
    }

    function bind([, name, password]: readonly Node[]): number {
      const dn = String(name!.value)
      state.asked.push(`bind ${dn}`)
      boundAs = ''
      // RFC 4513 §5.1.1, §5.1.2: many directories are configured so.
      if (dn === '' || password!.value.length === 0) return 0
      const entry = state.entries.find(one => one.dn.toLowerCase() === dn.toLowerCase())
      if (entry?.bindResult !== undefined) return entry.bindResult
      if (entry?.password === undefined || entry.password !== String(password!.value)) return 49
      boundAs = dn
      return 0
    }

    function search(parts: readonly Node[]): readonly Buffer[] {
      const base = String(parts[0]!.value).toLowerCase()
      const scope = parts[1]!.value[0]!
      const limit = parts[3]!.value.readUIntBE(0, parts[3]!.value.length)
      state.asked.push(`search ${base}`)
      state.filters.push(canonical(parts[6]!))
      if (boundAs === '') return [result(0x65, 50)]
      const below = (dn: string): boolean => {
        const name = dn.toLowerCase()
        if (scope === 0) return name === base
        const parent = name.slice(name.indexOf(',') + 1)
        return scope === 1 ? parent === base : name === base || name.endsWith(`,${base}`)
      }
      const wanted = children(parts[7]!.value).map(node => String(node.value).toLowerCase())
      const found = state.entries.filter(entry => below(entry.dn) && matches(entry, parts[6]!))
      const shown = found.slice(0, limit === 0 ? undefined : limit).map(({ dn, attributes }) =>
        encode(
          0x64,
          octets(dn),
          encode(
            0x30,
            ...Object.entries(attributes)
              .filter(([name]) => wanted.includes(name.toLowerCase()))
              .map(([name, values]) => encode(0x30, octets(name), encode(0x31, ...values.map(octets)))),
          ),
        ),
      )
      return [...shown, result(0x65, found.length > shown.length ? 4 : 0)]
    }

    function startTls(send: (body: Buffer) => void): void {
      state.asked.push('starttls')
      send(result(0x78, withoutTls ? 2 : 0))
      if (withoutTls) return
      socket.removeListener('data', read)
      const secured = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(identity) })
      serve(secured as unknown as Socket)
    }
  }

  const accept = (socket: Socket): void => {
    // Otherwise each result waits for the acknowledgement of the entry before it.
    socket.setNoDelay(true)
    sockets.add(socket)
    // Counts connections with a message. Of the addresses of `localhost`, a busy client may try one and give it up. One
    // that the client has unbound, or ended, is closing, even if this event came first.
    socket.once('data', () => {
      used.add(socket)
      setImmediate(() => {
        const inUse = [...used].filter(one => !one.destroyed && !one.readableEnded && !one.writableEnded)
        most = Math.max(most, inUse.length)
      })
    })
    socket.once('close', () => sockets.delete(socket))
    serve(socket)
  }
  const server = ldaps ? createTlsServer(identity, accept) : createServer(accept)
  server.on('error', () => {})
  server.listen(0, 'localhost')
  await once(server, 'listening')
  const { port, address, family } = server.address() as AddressInfo
  return Object.assign(state, { port, address: family === 'IPv6' ? `[${address}]` : address })
}

/** A self-signed certificate for `localhost` and its addresses, valid until 2099, and its key: for loopback only. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBXDCCAQKgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIhgPMjAyMDAxMDEwMDAwMDBaGA8yMDk5MDEwMTAwMDAwMFowFDESMBAGA1UE
AwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtcnbcIMfIzx9
VyOI42oVrzNiNki9PtzE7JZNRo5Bggt0obotTERSqx7ggdHCMD6NeyoeGbf5nkJI
nwWJuHBInKNBMD8wDwYDVR0TAQH/BAUwAwEB/zAsBgNVHREEJTAjgglsb2NhbGhv
c3SHBH8AAAGHEAAAAAAAAAAAAAAAAAAAAAEwCgYIKoZIzj0EAwIDSAAwRQIgIZSF
ILvMabftcWof2n7jCsSjhYu0TKDAw4zzp9MOStECIQCwWY3H4SdzbDz6m1NdnMUR
JIX8sYbvINOUNM5pC107og==
-----END CERTIFICATE-----
`
export const identity = {
  cert: certificate,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYUqyMsftUBaBoCzk
M43gLjUqC5OPBb8k2Ssci4dDH5qhRANCAAS1ydtwgx8jPH1XI4jjahWvM2I2SL0+
3MTslk1GjkGCC3Shui1MRFKrHuCB0cIwPo17Kh4Zt/meQkifBYm4cEic
-----END PRIVATE KEY-----
`,
}
