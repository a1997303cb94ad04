/** Why a master key can't be used. The reasons are stable, and in the log and in the messages. */

export type MasterKeyReason =
  /** The key service did not respond in time, or failed, several times. */
  | 'master_key_unavailable'
  /** The key service refused the call. */
  | 'master_key_refused'
  /** The key service returned no key. */
  | 'master_key_result_invalid'
  /** It returned a key, but not the right one. */
  | 'master_key_wrong'
  /** The store does not accept this key. */
  | 'master_key_mismatch'
  /** The store or the export contains root keys that this server did not write. */
  | 'root_keys_malformed'

export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError'
  readonly reason: MasterKeyReason

  constructor(reason: MasterKeyReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** Returns the log fields of an error about a master key or the store. It has no cause: that may contain a key. */
export const masterKeyFields = (
  error: unknown,
): { readonly reason?: MasterKeyReason; readonly error: string } =>
  error instanceof MasterKeyError ? { reason: error.reason, error: error.message } : { error: String(error) }
