/** Key services: where the master key is, if not in a file or a variable. A service wraps and unwraps keys, and keeps its own. */

import type { Seconds } from '@tessera/protocol/brand'
import { type CheckedHook, checkHook, type Hook } from './hook.ts'
import { bytes } from './hook-result.ts'

/**
 * Authenticated with each wrapped key, and not secret: the encryption context or additional data of the service. The same for
 * every call and every version of this server.
 */
export type MasterKeyContext = Readonly<Record<string, string>>

export type WrapRequest = {
  /** 32 random bytes. */
  readonly key: Uint8Array
  readonly context: MasterKeyContext
}

export type UnwrapRequest = {
  /** The bytes that `wrap` returned, with this version of the service's key or an earlier one. */
  readonly wrapped: Uint8Array
  readonly context: MasterKeyContext
}

/** A master key in AWS KMS, Google Cloud KMS, Azure Key Vault, Vault Transit, or behind PKCS #11. */
export type MasterKeyService = {
  /**
   * Names the key, the same for all of its versions: 1 to 500 printable ASCII characters without spaces, such as an ARN. It is
   * stored next to what the key wrapped, so it never changes. It is not secret.
   */
  readonly id: string
  /** Returns the key, wrapped: 1 to 8192 bytes. */
  readonly wrap: Hook<WrapRequest, Uint8Array>
  /** Returns the key that was wrapped. Throws if it was wrapped with another key or context. */
  readonly unwrap: Hook<UnwrapRequest, Uint8Array>
}

/** Thrown by `wrap` and `unwrap` if the service said no, such as for a missing permission. The call is not repeated. */
export class MasterKeyRefused extends Error {
  override readonly name = 'MasterKeyRefused'
}

export type CheckedMasterKeyService = {
  /** Its place in the configuration, for errors. */
  readonly place: string
  readonly id: string
  readonly wrap: CheckedHook<MasterKeyService['wrap']>
  readonly unwrap: CheckedHook<MasterKeyService['unwrap']>
}

/** A configured master key, and what it is from. */
export type ConfiguredMasterKey =
  | { readonly kind: 'local'; readonly from: string; readonly bytes: Uint8Array }
  | { readonly kind: 'service'; readonly from: string; readonly service: CheckedMasterKeyService }

const keyBytes = 32
const longestWrapped = 8192

/** Returns what is wrong with a value that should be a service; undefined if nothing is. */
export function masterKeyServiceProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'it is not an object'
  const { id, wrap, unwrap } = value as Readonly<Record<string, unknown>>
  if (typeof id !== 'string' || !/^[\x21-\x7E]{1,500}$/.test(id))
    return 'its id is not a text of 1 to 500 printable ASCII characters without spaces'
  if (typeof wrap !== 'function') return 'its function wrap is missing'
  return typeof unwrap === 'function' ? undefined : 'its function unwrap is missing'
}

/** Returns the service in the form that the server calls. @param place its key in the configuration. */
export function checkedMasterKeyService(
  place: string,
  service: MasterKeyService,
  limit: Seconds,
): CheckedMasterKeyService {
  return {
    place,
    id: service.id,
    wrap: checkHook(
      { hook: `${place}.wrap`, limit },
      (request: WrapRequest, context) => service.wrap(request, context),
      bytes(1, longestWrapped),
    ),
    unwrap: checkHook(
      { hook: `${place}.unwrap`, limit },
      (request: UnwrapRequest, context) => service.unwrap(request, context),
      bytes(keyBytes, keyBytes),
    ),
  }
}
