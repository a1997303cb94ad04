/**
 * Reads PKCS #12 files (RFC 7292), also called PFX. Loaded only for such a file. Node can't open them, and Web Crypto has
 * neither the RC2 and Triple DES of older files nor their key derivation.
 */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import forge from 'node-forge'
import { requireCheapPassphrase } from './passphrase-cost.ts'

type Pkcs12 = { readonly key: KeyObject; readonly certificates: readonly X509Certificate[] }

/** Rejects for a wrong passphrase, and unless the file contains exactly one private key. */
export async function readPkcs12(content: Uint8Array, passphrase: string): Promise<Pkcs12> {
  const bags = open(content, passphrase)
  const keys = bags.flatMap(({ type, key, asn1 }) => {
    if (type !== oids.keyBag && type !== oids.pkcs8ShroudedKeyBag) return []
    // Only RSA keys are parsed by the library.
    const info = key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key)) : asn1
    return [createPrivateKey({ key: derOf(info), format: 'der', type: 'pkcs8' })]
  })
  const [key, second] = keys
  if (!key) throw new Error('it contains no private key; for certificates alone, use PEM')
  if (second) throw new Error('it contains several private keys; expected one')
  const certificates = bags.flatMap(({ type, cert, asn1 }) =>
    type === oids.certBag
      ? [new X509Certificate(derOf(cert ? forge.pki.certificateToAsn1(cert) : asn1))]
      : [],
  )
  return { key, certificates }
}

const oids = forge.pki.oids as Readonly<Record<string, string>>

function open(content: Uint8Array, passphrase: string): readonly forge.pkcs12.Bag[] {
  let file: forge.asn1.Asn1
  try {
    file = forge.asn1.fromDer(forge.util.createBuffer(Buffer.from(content).toString('binary')))
  } catch {
    throw new Error('it is not a key file; expected PEM, PFX (PKCS #12), a JWK or a JWK Set')
  }
  requireCheapPassphrase(content, passphrase)
  try {
    return forge.pkcs12
      .pkcs12FromAsn1(file, false, passphrase)
      .safeContents.flatMap(({ safeBags }) => safeBags)
  } catch {
    throw new Error("the PFX file can't be opened: the passphrase is wrong, or its encryption is unsupported")
  }
}

const derOf = (value: forge.asn1.Asn1): Buffer => Buffer.from(forge.asn1.toDer(value).getBytes(), 'binary')
