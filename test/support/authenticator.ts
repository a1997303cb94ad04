/** A software authenticator (WebAuthn Level 3 §6), which also sends false data when a test requires it. */

import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { Page } from './browser.ts'

export type Lies = {
  /** The origin in its client data. */
  readonly origin?: string
  readonly rpId?: string
  readonly challenge?: string
  readonly userVerified?: boolean
  readonly counter?: number
  readonly userHandle?: string
  /** The COSE algorithm that it declares for its key; -7 by default. */
  readonly algorithm?: number
  /** Its public key in COSE. Default: its own. */
  readonly key?: Buffer
  /** Makes an attestation, which the server does not request. Default: `none`. */
  readonly attest?: (attesting: Attesting) => Attestation
}

/** The subject of an attestation (WebAuthn Level 3 §6.5). */
export type Attesting = {
  readonly keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }
  readonly authenticatorData: Buffer
  readonly clientDataHash: Buffer
}

/** @property statement in CBOR. */
export type Attestation = { readonly format: string; readonly statement: Buffer }

export type Authenticator = {
  readonly create: (options: any, lies?: Lies) => string
  readonly get: (options: any, lies?: Lies) => string
}

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest()
const base64url = (data: Buffer): string => data.toString('base64url')

/** A small negative number in CBOR (RFC 8949 §3.1). */
const negative = (value: number): Buffer =>
  value >= -24 ? Buffer.of(0x20 - 1 - value) : Buffer.of(0x38, -1 - value)

/** The head of a CBOR item (RFC 8949 §3). */
const head = (major: number, value: number): Buffer =>
  value < 24
    ? Buffer.of((major << 5) | value)
    : value < 256
      ? Buffer.of((major << 5) | 24, value)
      : Buffer.of((major << 5) | 25, value >> 8, value & 0xff)

/** Parts of CBOR, with lengths below 65,536 (RFC 8949 §3.1). */
export const cbor = {
  text: (text: string): Buffer => Buffer.concat([head(3, Buffer.byteLength(text)), Buffer.from(text)]),
  bytes: (bytes: Uint8Array): Buffer => Buffer.concat([head(2, bytes.length), bytes]),
  array: (...items: readonly Buffer[]): Buffer => Buffer.concat([head(4, items.length), ...items]),
  map: (members: Readonly<Record<string, Buffer>>): Buffer => {
    const entries = Object.entries(members)
    return Buffer.concat([
      head(5, entries.length),
      ...entries.flatMap(([name, value]) => [cbor.text(name), value]),
    ])
  },
  negative,
}

/** @param counts Whether its signatures have a counter. */
export function createAuthenticator(origin: string, { counts = false } = {}): Authenticator {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const id = randomBytes(32)
  let user = ''
  let uses = 0

  const authenticatorData = (
    rpId: string,
    { userVerified = true, ...lies }: Lies,
    attested: Buffer,
  ): Buffer => {
    if (counts) uses += 1
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(lies.counter ?? uses)
    const flags = 0x01 | (userVerified ? 0x04 : 0) | (attested.length > 0 ? 0x40 : 0)
    return Buffer.concat([sha256(lies.rpId ?? rpId), Buffer.of(flags), counter, attested])
  }
  const clientData = (type: string, challenge: string, lies: Lies): Buffer =>
    Buffer.from(
      JSON.stringify({
        type,
        challenge: lies.challenge ?? challenge,
        origin: lies.origin ?? origin,
        crossOrigin: false,
      }),
    )
  const credential = (response: object): string =>
    JSON.stringify({
      ...{ id: base64url(id), rawId: base64url(id), type: 'public-key', clientExtensionResults: {} },
      response,
    })

  return {
    create({ rp, challenge, user: owner }, lies = {}) {
      user = owner.id
      const length = Buffer.alloc(2)
      length.writeUInt16BE(id.length)
      // COSE_Key (RFC 9053 §7.1): {1: 2, 3: algorithm, -1: 1, -2: x, -3: y}.
      const key = Buffer.concat([
        Buffer.from('a5010203', 'hex'),
        negative(lies.algorithm ?? -7),
        Buffer.from('2001215820', 'hex'),
        Buffer.from(x, 'base64url'),
        Buffer.from('225820', 'hex'),
        Buffer.from(y, 'base64url'),
      ])
      const data = authenticatorData(
        rp.id,
        lies,
        Buffer.concat([Buffer.alloc(16), length, id, lies.key ?? key]),
      )
      const asked = clientData('webauthn.create', challenge, lies)
      const { format = 'none', statement = cbor.map({}) } =
        lies.attest?.({
          keys: { privateKey, publicKey },
          authenticatorData: data,
          clientDataHash: sha256(asked),
        }) ?? {}
      const attestation = cbor.map({
        fmt: cbor.text(format),
        attStmt: statement,
        authData: cbor.bytes(data),
      })
      return credential({
        clientDataJSON: base64url(asked),
        attestationObject: base64url(attestation),
        transports: ['internal'],
      })
    },
    get({ rpId, challenge }, lies = {}) {
      const data = authenticatorData(rpId, lies, Buffer.alloc(0))
      const asked = clientData('webauthn.get', challenge, lies)
      return credential({
        clientDataJSON: base64url(asked),
        authenticatorData: base64url(data),
        signature: base64url(sign('sha256', Buffer.concat([data, sha256(asked)]), privateKey)),
        userHandle: lies.userHandle ?? user,
      })
    },
  }
}

const unescapeHtml = (text: string): string => text.replaceAll('&quot;', '"').replaceAll('&amp;', '&')

/** The message that the page would receive from the browser. */
export function optionsOn(page: Page): any {
  const [, options] = /data-options="([^"]*)"/.exec(page.body) ?? []
  if (!options) throw new Error(`no passkey is asked for: ${page.status} ${page.text}`)
  return JSON.parse(unescapeHtml(options))
}
