/**
 * Imitates the part of Vault's Transit HTTP API that the example uses: `encrypt` and `decrypt` with associated data, tokens
 * and their policies, versions and `min_decryption_version`, and a sealed server. Ciphertexts have the form of Vault's, and
 * errors its statuses and texts. Namespaces and agents are not imitated.
 */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

type Reply = { readonly status: number; readonly data?: object; readonly errors?: readonly string[] }
type Form = Readonly<Record<string, string>>

const refuse = (status: number, error: string): Reply => ({ status, errors: [error] })

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

/** @param tokens maps tokens to the only operations that they may call. */
export async function startTransit(tokens: Readonly<Record<string, readonly string[]>>) {
  const versions = [randomBytes(32)]
  let least = 1
  let sealed = false
  let silent = false
  const requests: string[] = []

  const encrypt = ({ plaintext = '', associated_data = '' }: Form): Reply => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', versions.at(-1)!, nonce)
    cipher.setAAD(Buffer.from(associated_data, 'base64'))
    const bytes = Buffer.concat([
      nonce,
      cipher.update(plaintext, 'base64'),
      cipher.final(),
      cipher.getAuthTag(),
    ])
    const ciphertext = `vault:v${versions.length}:${bytes.toString('base64')}`
    return { status: 200, data: { ciphertext, key_version: versions.length } }
  }
  const decrypt = ({ ciphertext = '', associated_data = '' }: Form): Reply => {
    const [, version, text = ''] = /^vault:v(\d+):(.+)$/.exec(ciphertext) ?? []
    const key = versions[Number(version) - 1]
    if (!key) return refuse(400, 'invalid ciphertext: no prefix')
    if (Number(version) < least)
      return refuse(400, 'ciphertext or signature version is disallowed by policy (too old)')
    const bytes = Buffer.from(text, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
    decipher.setAAD(Buffer.from(associated_data, 'base64')).setAuthTag(bytes.subarray(-16))
    try {
      const plaintext = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
      return { status: 200, data: { plaintext: plaintext.toString('base64') } }
    } catch {
      return refuse(400, 'cipher: message authentication failed')
    }
  }
  const respond = (path: string, token: string, form: Form): Reply => {
    const [, operation = '', name] = /^\/v1\/transit\/(\w+)\/(\w+)$/.exec(path) ?? []
    if (sealed) return refuse(503, 'Vault is sealed')
    if (!tokens[token]?.includes(operation))
      return refuse(403, '1 error occurred:\n\t* permission denied\n\n')
    if (name !== 'tessera') return refuse(400, 'encryption key not found')
    return operation === 'encrypt' ? encrypt(form) : decrypt(form)
  }

  const server = createServer(async (request, response) => {
    const text = await textOf(request)
    requests.push(String(request.url))
    if (silent) return
    const token = String(request.headers['x-vault-token'])
    const { status, ...body } = respond(String(request.url), token, JSON.parse(text))
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    rotate: async () => void versions.push(randomBytes(32)),
    disableBefore: async (version: number) => {
      least = version
    },
    seal: (yes: boolean) => {
      sealed = yes
    },
    /** Accepts requests, and does not respond. */
    silence: () => {
      silent = true
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
