/** A key service in memory: versions of one key, what its functions were given, and ways to fail. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type {
  MasterKeyService,
  UnwrapRequest,
  WrapRequest,
} from '../../packages/server/src/model/master-key.ts'

type Fails = (operation: 'wrap' | 'unwrap') => unknown

export function createKeyService(id = 'arn:test:key/1') {
  const versions = [randomBytes(32)]
  const calls: ('wrap' | 'unwrap')[] = []
  let fails: Fails = () => undefined
  let least = 0

  const authenticated = ({ context }: WrapRequest | UnwrapRequest): Buffer =>
    Buffer.from(JSON.stringify(context))
  const called = async (operation: 'wrap' | 'unwrap'): Promise<Uint8Array | undefined> => {
    calls.push(operation)
    return (await fails(operation)) as Uint8Array | undefined
  }
  const service: MasterKeyService = {
    id,
    async wrap(request) {
      const returned = await called('wrap')
      if (returned !== undefined) return returned
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', versions.at(-1)!, nonce).setAAD(authenticated(request))
      const text = Buffer.concat([cipher.update(request.key), cipher.final()])
      // A service may overwrite what it was given.
      request.key.fill(0)
      return Buffer.concat([Buffer.of(versions.length), nonce, cipher.getAuthTag(), text])
    },
    async unwrap(request) {
      const returned = await called('unwrap')
      if (returned !== undefined) return returned
      const wrapped = Buffer.from(request.wrapped)
      const version = wrapped[0]!
      if (version <= least) throw new Error(`version ${version} is disabled`)
      const decipher = createDecipheriv('aes-256-gcm', versions[version - 1]!, wrapped.subarray(1, 13))
      decipher.setAAD(authenticated(request)).setAuthTag(wrapped.subarray(13, 29))
      return Buffer.concat([decipher.update(wrapped.subarray(29)), decipher.final()])
    },
  }
  return {
    service,
    /** Returns the calls since the last time. */
    calls: () => calls.splice(0),
    /** Adds a version. Earlier ones still unwrap. */
    rotate: () => void versions.push(randomBytes(32)),
    disableBefore: (version: number) => {
      least = version - 1
    },
    /** Throws, hangs or returns something else instead. */
    fail: (how: Fails) => {
      fails = how
    },
    recover: () => {
      fails = () => undefined
    },
  }
}
