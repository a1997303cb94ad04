/** Certificates that a test makes, with their keys (RFC 5280 §4.1): of a CA, issued by it, self-signed, expired. */

import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { thumbprintOf } from '../../packages/server/src/model/jose.ts'

export type TestCertificate = {
  /** PEM, as the options `key` and `cert` of `node:tls`. */
  readonly key: string
  readonly cert: string
  /** DER in base64. */
  readonly der: string
  /** The confirmation of tokens that are bound to it. */
  readonly cnf: { readonly 'x5t#S256': string }
  /** The public key with `x5c`, as clients register it. */
  readonly jwk: Readonly<Record<string, unknown>>
  /** Signs certificates that this one issues. */
  readonly privateKey: KeyObject
}

type Options = {
  /** Issues it. Default: the certificate is self-signed. */
  readonly by?: TestCertificate
  /** Whether it may issue certificates. */
  readonly isAuthority?: boolean
  /** In seconds. Default: the end of the century. */
  readonly until?: number
  /** Default: new ones. */
  readonly keys?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }
  /** Further extensions, as {@link extension} makes them. */
  readonly extensions?: readonly Buffer[]
}

/** @param name the common name, its whole subject. */
export function createCertificate(
  name: string,
  { by, isAuthority = false, until, keys, extensions = [] }: Options = {},
): TestCertificate {
  const { privateKey, publicKey } = keys ?? generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = by ? new X509Certificate(by.cert).subject.slice('CN='.length) : name
  const end = new Date(until === undefined ? Date.UTC(2099, 0) : until * 1000)
  const all = [...(isAuthority ? [authorityExtension] : []), ...extensions]
  const content = sequence(
    element(0xa0, integer(2)),
    integer(serial++),
    ecdsaWithSha256,
    nameOf(issuer),
    sequence(time(new Date(Date.UTC(2020, 0))), time(end)),
    nameOf(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(all.length > 0 ? [element(0xa3, sequence(...all))] : []),
  )
  const signature = sign('sha256', content, by?.privateKey ?? privateKey)
  const bytes = sequence(content, ecdsaWithSha256, element(0x03, Buffer.of(0), signature))
  const der = bytes.toString('base64')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: pemOf(der),
    der,
    cnf: { 'x5t#S256': thumbprintOf(der) },
    jwk: { ...publicKey.export({ format: 'jwk' }), x5c: [der] },
    privateKey,
  }
}

const pemOf = (der: string): string =>
  `-----BEGIN CERTIFICATE-----\n${der.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`

let serial = 1

/** DER (X.690 §8, §10): a tag, the length and the content. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  if (length < 128) return Buffer.concat([Buffer.of(tag, length), content])
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), content])
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => element(0x30, ...parts)
/** @param value less than 128. */
export const integer = (value: number): Buffer => element(0x02, Buffer.of(value))
const identifier = (hex: string): Buffer => element(0x06, Buffer.from(hex, 'hex'))
const time = (date: Date): Buffer =>
  element(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`))

/** An extension that is not critical (RFC 5280 §4.1). @param hex its object identifier, in DER without tag and length. */
export const extension = (hex: string, ...parts: readonly Uint8Array[]): Buffer =>
  sequence(identifier(hex), element(0x04, ...parts))

/** RFC 5758 §3.2. */
const ecdsaWithSha256 = sequence(identifier('2a8648ce3d040302'))
const commonName = identifier('550403')
const nameOf = (name: string): Buffer =>
  sequence(element(0x31, sequence(commonName, element(0x0c, Buffer.from(name)))))
/** Basic constraints, critical (RFC 5280 §4.2.1.9). */
const authorityExtension = sequence(
  identifier('551d13'),
  element(0x01, Buffer.of(0xff)),
  element(0x04, sequence(element(0x01, Buffer.of(0xff)))),
)
