/** Prepares Transit of a real Vault or OpenBao server, which was started by `bao server -dev` or the like. */

/** @param root a token that may do everything. */
export async function openTransit(address: string, root: string) {
  const call = async (path: string, body: object): Promise<any> => {
    const response = await fetch(`${address}/v1/${path}`, {
      method: 'POST',
      headers: { 'x-vault-token': root },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok && !text.includes('path is already in use')) throw new Error(`${path}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  await call('sys/mounts/transit', { type: 'transit' })
  await call('transit/keys/tessera', {})
  const paths = ['encrypt', 'decrypt'].map(
    operation => `path "transit/${operation}/tessera" { capabilities = ["update"] }`,
  )
  await call('sys/policies/acl/tessera', { policy: paths.join('\n') })
  const { auth } = await call('auth/token/create', { policies: ['tessera'], ttl: '10m' })
  return {
    address,
    token: auth.client_token as string,
    rotate: () => call('transit/keys/tessera/rotate', {}),
    disableBefore: (min_decryption_version: number) =>
      call('transit/keys/tessera/config', { min_decryption_version }),
    seal: undefined,
    silence: undefined,
    close: async () => {},
  }
}
