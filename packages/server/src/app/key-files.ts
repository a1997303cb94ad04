/** Imports the key files of another server into an issuer's store, for the command line. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Configuration } from '../configuration/configuration.ts'
import { importedKey } from '../keys/imported-key.ts'
import { readKeyFile } from '../keys/key-file.ts'
import type { KeyInfo } from '../keys/key-state.ts'
import { openKeys } from './administration.ts'

type KeyFile = {
  readonly content: Uint8Array
  /** Asked only for an encrypted file. */
  readonly passphrase: () => Promise<string>
}

type KeyFileOptions = {
  readonly use: 'verify' | 'sign'
  /** In a file with several keys, the one to import; otherwise replaces that of the file. */
  readonly kid?: string | undefined
  readonly alg?: string | undefined
  readonly until?: Seconds | undefined
}

/** Checks every key of the file before it imports the first one. Rejects if one of them is refused. */
export async function importKeyFile(
  { server, issuer }: { readonly server: Configuration; readonly issuer: Configuration },
  { content, passphrase }: KeyFile,
  options: KeyFileOptions,
): Promise<readonly KeyInfo[]> {
  const { kid, use } = options
  const found = await readKeyFile(content, passphrase)
  const selected = found.length > 1 && kid !== undefined ? found.filter(key => key.kid === kid) : found
  if (selected.length === 0) throw new Error(`it contains no key with the kid ${JSON.stringify(kid)}`)
  if (selected.length > 1 && use === 'sign')
    throw new Error(`it contains ${selected.length} keys; choose the one that signs with --kid`)
  const keys = selected.map(key => importedKey(key, { ...options, signs: issuer.signingAlgorithms }))
  const { importKeys, close } = await openKeys(server, issuer)
  try {
    return await importKeys(keys)
  } finally {
    await close()
  }
}
