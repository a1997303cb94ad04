// A master key in the Transit engine of HashiCorp Vault or OpenBao. The key never leaves it.

import { readFile } from 'node:fs/promises'
import { MasterKeyRefused } from '@tessera/server'

export function vaultTransit({ address, key, tokenFile, mount = 'transit', namespace }) {
  async function call(operation, body, signal) {
    // Read at each call, because an agent renews the token.
    const token = (await readFile(tokenFile, { encoding: 'utf8', signal })).trim()
    const response = await fetch(`${address}/v1/${mount}/${operation}/${key}`, {
      method: 'POST',
      redirect: 'error',
      headers: { 'x-vault-token': token, ...(namespace && { 'x-vault-namespace': namespace }) },
      body: JSON.stringify(body),
      signal,
    })
    const { data, errors = [] } = await response.json()
    if (response.ok) return data
    const problem = `Vault responded ${response.status}: ${errors.join(', ')}`
    // 400: wrapped with another key. 403: the policy or the token. 404: no such engine.
    if ([400, 403, 404].includes(response.status)) throw new MasterKeyRefused(problem)
    throw new Error(problem)
  }

  const base64 = bytes => Buffer.from(bytes).toString('base64')
  const authenticated = context => ({ associated_data: base64(JSON.stringify(context)) })

  return {
    // Without the address, which may change.
    id: `vault:${namespace ? `${namespace}/` : ''}${mount}/keys/${key}`,
    async wrap({ key: plaintext, context }, { signal }) {
      const body = { plaintext: base64(plaintext), ...authenticated(context) }
      const { ciphertext } = await call('encrypt', body, signal)
      return Buffer.from(ciphertext)
    },
    async unwrap({ wrapped, context }, { signal }) {
      const body = { ciphertext: Buffer.from(wrapped).toString(), ...authenticated(context) }
      const { plaintext } = await call('decrypt', body, signal)
      return Buffer.from(plaintext, 'base64')
    },
  }
}
