/** The master key: 32 bytes from a variable or from a file. Only its derivations are used (RFC 5869). */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Environment, masterKeyVariable } from './environment.ts'
import type { Fault } from './fault.ts'
import { decode32Bytes } from './schema/secret.ts'

export type MasterKeyOutcome = { readonly masterKey?: Uint8Array; readonly faults: readonly Fault[] }

const expected = '32 bytes in base64 or base64url'
const fix = 'make one with: openssl rand -base64 32'

/** The variable wins over a file. `file`: undefined, or its path and what it starts from. */
export function readMasterKey(
  environment: Environment,
  file: { readonly path: string; readonly directory: string; readonly source: string } | undefined,
): MasterKeyOutcome {
  const variable = environment[masterKeyVariable]
  if (variable) {
    const masterKey = decode32Bytes(variable.trim())
    return masterKey
      ? { masterKey, faults: [] }
      : { faults: [{ path: masterKeyVariable, problem: 'it is not a master key', expected, fix }] }
  }
  if (!file) return { faults: [] }
  try {
    const bytes = readFileSync(resolve(file.directory, file.path))
    const masterKey =
      bytes.length === 32 ? new Uint8Array(bytes) : decode32Bytes(bytes.toString('latin1').trim())
    return masterKey
      ? { masterKey, faults: [] }
      : { faults: [{ path: file.source, problem: 'the file holds no master key', expected, fix }] }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    return {
      faults: [
        {
          path: file.source,
          problem: `the file can't be read (${code})`,
          expected: 'a readable file',
          fix: 'correct the path or its permissions',
        },
      ],
    }
  }
}
