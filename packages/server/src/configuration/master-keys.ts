/** The master key and the one before: each from a variable, a file, or the key service of a module. */

import {
  type ConfiguredMasterKey,
  checkedMasterKeyService,
  type MasterKeyService,
} from '../model/master-key.ts'
import type { Diagnostic } from './diagnostic.ts'
import { type Environment, masterKeyVariables, readMasterKey } from './environment.ts'

type Place = {
  readonly environment: Environment
  /** The path of each file, the folder that it starts from, and the setting that contains it. */
  readonly fileOf: (key: keyof typeof masterKeyVariables) => Parameters<typeof readMasterKey>[2]
  /** The key services of a valid module. */
  readonly services: {
    readonly masterKey?: MasterKeyService | undefined
    readonly masterKeyPrevious?: MasterKeyService | undefined
    /** Seconds. */
    readonly hook_timeout: number
  }
}

type MasterKeys = {
  readonly masterKey: ConfiguredMasterKey | undefined
  readonly previousMasterKey: ConfiguredMasterKey | undefined
  readonly errors: readonly Diagnostic[]
  readonly warnings: readonly Diagnostic[]
}

/** @param place without services if the rest of the configuration is invalid. */
export function readMasterKeys({ environment, fileOf, services }: Place): MasterKeys {
  const keyOf = (file: keyof typeof masterKeyVariables, key: 'masterKey' | 'masterKeyPrevious') => {
    const local = readMasterKey(environment, masterKeyVariables[file], fileOf(file))
    const service = services[key]
    if (!service) return local
    const masterKey: ConfiguredMasterKey = {
      kind: 'service',
      from: key,
      service: checkedMasterKeyService(key, service, services.hook_timeout),
    }
    if (!local.masterKey) return { ...local, masterKey }
    return { ...local, errors: [...local.errors, twoKeys(key, local.masterKey.from)] }
  }
  const own = keyOf('master_key_file', 'masterKey')
  const previous = keyOf('master_key_previous_file', 'masterKeyPrevious')
  return {
    masterKey: own.masterKey,
    previousMasterKey: previous.masterKey,
    errors: [...own.errors, ...previous.errors, ...sameKey(services)],
    warnings: [...(own.warnings ?? []), ...(previous.warnings ?? [])],
  }
}

const twoKeys = (key: string, other: string): Diagnostic => ({
  path: key,
  problem: `${other} contains a master key as well`,
  expected: 'one of the two',
  fix: `remove one; to replace the master key, see "tessera keys rotate-master" in docs/guides/keys.md`,
})

const sameKey = ({ masterKey, masterKeyPrevious }: Place['services']): readonly Diagnostic[] =>
  masterKey && masterKey.id === masterKeyPrevious?.id
    ? [
        {
          path: 'masterKeyPrevious',
          problem: 'it has the id of masterKey',
          expected: 'the key before, or no key',
          fix: 'remove it: versions of one key are the same key',
        },
      ]
    : []
