/** DPoP proofs for the token endpoint (RFC 9449 §4.2), made by the load: a key for each connection, a proof for each request. */

import { generateKeyPairSync, sign } from 'node:crypto'

/** Returns a new proof for a path. */
type Prover = (path: string) => string

const provers = new Map<number, Prover>()
let proofs = 0

export function proofOf(connection: number, path: string): string {
  const prove = provers.get(connection) ?? createProver()
  provers.set(connection, prove)
  return prove(path)
}

function createProver(): Prover {
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const head = encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk: publicKey.export({ format: 'jwk' }) })
  return path => {
    const iat = Math.floor(Date.now() / 1000)
    const jti = `${process.pid}-${performance.timeOrigin}-${++proofs}`
    const text = `${head}.${encoded({ jti, htm: 'POST', htu: `http://127.0.0.1${path}`, iat })}`
    const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
    return `${text}.${signature.toString('base64url')}`
  }
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
