/** Reads the key files of other servers: PEM (RFC 7468), DER, PKCS #12 (RFC 7292), and JWKs and JWK Sets (RFC 7517). */

import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { type FoundKey, withChain } from './found-key.ts'
import { readJwks } from './jwk-file.ts'

/** Resolves to the passphrase of an encrypted file. */
type AskPassphrase = () => Promise<string>

/**
 * Resolves to the keys of a file. The format is recognized by its content. Rejects for a wrong passphrase, a symmetric
 * key, and anything that is not a key file.
 */
export async function readKeyFile(
  content: Uint8Array,
  passphrase: AskPassphrase,
): Promise<readonly FoundKey[]> {
  const text = Buffer.from(content)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
  if (text.trimStart().startsWith('{')) return readJwks(text)
  if (text.includes('-----BEGIN ')) return [await readPem(text, passphrase)]
  // A SEQUENCE in DER.
  if (content[0] === 0x30) {
    const found = readDer(content)
    if (found) return [withChain(found)]
    const { readPkcs12 } = await import('./pkcs12.ts')
    return [withChain(await readPkcs12(content, await passphrase()))]
  }
  throw new Error('it is not a key file; expected PEM, PFX (PKCS #12), a JWK or a JWK Set')
}

const privateLabel = /^((RSA|EC|ENCRYPTED) )?PRIVATE KEY$/
const publicLabel = /^(RSA )?PUBLIC KEY$/

/** One private key, or one public key, or a certificate; with the certificates of the file. */
async function readPem(text: string, passphrase: AskPassphrase): Promise<FoundKey> {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g)].map(
    ([pem, label = '']) => ({ pem, label }),
  )
  const certificates = blocks
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ pem }) => new X509Certificate(pem))
  const privateKeys = blocks.filter(({ label }) => privateLabel.test(label))
  const keys = privateKeys.length > 0 ? privateKeys : blocks.filter(({ label }) => publicLabel.test(label))
  const [first, second] = keys
  if (second) throw new Error('it contains several keys; expected one: write each to a file of its own')
  if (first) {
    const key = privateKeys.length > 0 ? await openPem(first.pem, passphrase) : createPublicKey(first.pem)
    return withChain({ key, certificates })
  }
  const [leaf] = certificates
  if (!leaf) throw new Error('its PEM blocks contain no key and no certificate')
  return withChain({ key: leaf.publicKey, certificates })
}

/** Returns a certificate, as Windows exports it, or a key that is not encrypted; undefined for any other content. */
function readDer(content: Uint8Array): Parameters<typeof withChain>[0] | undefined {
  const der = Buffer.from(content)
  const key = (key: KeyObject) => ({ key, certificates: [] })
  const readers = [
    () => {
      const certificate = new X509Certificate(der)
      return { key: certificate.publicKey, certificates: [certificate] }
    },
    ...(['pkcs8', 'pkcs1', 'sec1'] as const).map(
      type => () => key(createPrivateKey({ key: der, format: 'der', type })),
    ),
    ...(['spki', 'pkcs1'] as const).map(
      type => () => key(createPublicKey({ key: der, format: 'der', type })),
    ),
  ]
  for (const read of readers)
    try {
      return read()
    } catch {
      // It is something else.
    }
  return undefined
}

async function openPem(pem: string, passphrase: AskPassphrase): Promise<KeyObject> {
  const encrypted = /-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(pem)
  if (!encrypted) return createPrivateKey(pem)
  if (pem.includes('-----BEGIN ENCRYPTED ')) {
    const { requireCheapPassphrase } = await import('./passphrase-cost.ts')
    requireCheapPassphrase(Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64'))
  }
  const given = await passphrase()
  try {
    return createPrivateKey({ key: pem, passphrase: given })
  } catch {
    throw new Error("the private key can't be decrypted: the passphrase is wrong, or the file is damaged")
  }
}
