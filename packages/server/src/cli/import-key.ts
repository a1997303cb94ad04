/** `tessera keys import`: keys of another server, so that its tokens still verify after the switch. */

import { readFileSync, statSync } from 'node:fs'
import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import { isOpenToOthers } from '../runtime/private-file.ts'
import type { ExitCode, ImportKeyFlags } from './command.ts'
import { issuerOrReport, lineOf } from './issuer.ts'
import { report } from './report.ts'
import { readSecret } from './secret-input.ts'

/** Bytes. A certificate chain in PEM has a few thousand. */
const longestFile = 1_048_576

export async function importKeys(file: string, flags: ImportKeyFlags): Promise<ExitCode> {
  const { kid, alg } = flags
  const use = flags.use === 'sign' ? 'sign' : 'verify'
  const until = flags.until === undefined ? undefined : Math.floor(Date.parse(flags.until) / 1000)
  if (Number.isNaN(until))
    return report('--until is not a time; expected one such as 2027-01-31T00:00:00Z', 2)
  if (until !== undefined && use === 'sign')
    return report('--until is for keys that only verify; a signing key is replaced by rotation', 2)
  const issuers = await issuerOrReport(flags, 'keys')
  if (!issuers) return 1
  const { importKeyFile } = await import('../app/key-files.ts')
  try {
    const read = { content: readWhole(file), passphrase: () => passphraseOf(flags) }
    for (const key of await importKeyFile(issuers, read, { use, kid, alg, until }))
      writeOutput(`imported ${lineOf(key)}\n`)
    return 0
  } catch (error) {
    return report(`${file}: ${error instanceof Error ? error.message : error}`)
  }
}

/** Warns if other users can read the file, because it usually contains a private key. */
function readWhole(file: string): Uint8Array {
  const stats = statSync(file)
  const { size } = stats
  if (size > longestFile)
    throw new Error(`it has ${size} bytes; expected a key file of at most ${longestFile}`)
  const content = readFileSync(file)
  if (isOpenToOthers(stats) && hasPrivateKey(content))
    writeError(`warning: other users of this machine can read ${file}; run: chmod 600 ${file}\n`)
  return content
}

const hasPrivateKey = (content: Uint8Array): boolean =>
  content[0] === 0x30 || /PRIVATE KEY-----|"d"\s*:/.test(Buffer.from(content).toString('latin1'))

async function passphraseOf({ passphraseEnv: name }: ImportKeyFlags): Promise<string> {
  if (name === undefined) return readSecret('Passphrase of the key file')
  const passphrase = process.env[name]
  if (passphrase === undefined) throw new Error('the variable of --passphrase-env is not set')
  return passphrase
}
