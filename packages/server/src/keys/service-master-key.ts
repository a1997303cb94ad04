/** A master key in a key service: calls it with a time limit, repeats calls that fail, and logs why. */

import type { Seconds } from '@tessera/protocol/brand'
import { HookError } from '../model/hook.ts'
import type { MasterKey } from '../model/keys.ts'
import type { CheckedMasterKeyService, MasterKeyContext } from '../model/master-key.ts'
import type { Log } from '../runtime/ports.ts'
import { MasterKeyError, type MasterKeyReason } from './master-key-error.ts'

/** Wrapped keys depend on it, so it never changes. */
const context: MasterKeyContext = { tessera: 'root-keys' }
/** Seconds before each repetition. */
const pauses: readonly Seconds[] = [0.2, 1]
const longestProblem = 500

export type Pause = (seconds: Seconds) => Promise<void>

const pauseFor: Pause = seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000))

/** Distinguishes it from the check value of a local key. */
const idPrefix = 'service:'

/** Returns the kind and the id of a master key by its id in the store. */
export const describeMaster = (stored: string): Pick<MasterKey, 'kind' | 'id'> =>
  stored.startsWith(idPrefix)
    ? { kind: 'service', id: stored.slice(idPrefix.length) }
    : // Enough to tell keys apart.
      { kind: 'local', id: stored.slice(0, 8) }

/** Rejects with {@link MasterKeyError}. */
export function serviceMasterKey(
  service: CheckedMasterKeyService,
  { log, pause = pauseFor }: { readonly log: Log; readonly pause?: Pause | undefined },
): MasterKey {
  const { id, place } = service
  const call = async (
    operation: 'wrap' | 'unwrap',
    send: () => Promise<Uint8Array>,
    secret?: Uint8Array,
  ): Promise<Uint8Array> => {
    const hook = `${place}.${operation}`
    for (let attempt = 1; ; attempt++) {
      try {
        return await send()
      } catch (error) {
        const { reason, problem } = failureOf(error, secret)
        log.warn('master_key_call_failed', { hook, master_key: id, attempt, reason, problem })
        const wait = reason === 'master_key_unavailable' ? pauses[attempt - 1] : undefined
        if (wait === undefined) throw errorOf(hook, id, reason, problem)
        await pause(wait)
      }
    }
  }
  return {
    kind: 'service',
    id: `${idPrefix}${id}`,
    // A copy each time, because a service may overwrite what it was given.
    wrap: key =>
      call('wrap', async () => notTheKey(await service.wrap(requestOf(key)), key, `${place}.wrap`), key),
    unwrap: wrapped =>
      call('unwrap', () => service.unwrap({ wrapped: new Uint8Array(wrapped), context: { ...context } })),
  }
}

/** Texts in which a key is readable. */
const readableForms = ['base64', 'base64url', 'hex'] as const

const requestOf = (key: Uint8Array) => ({ key: new Uint8Array(key), context: { ...context } })

/** Throws if what is stored would reveal the key, as with a stub that wraps nothing. */
function notTheKey(wrapped: Uint8Array, key: Uint8Array, hook: string): Uint8Array {
  const [stored, secret] = [Buffer.from(wrapped), Buffer.from(key)]
  if (stored.includes(secret) || readableForms.some(form => stored.includes(secret.toString(form))))
    throw new HookError(hook, 'hook_result_invalid', `${hook} returned the key that it was given`)
  return wrapped
}

type Failure = { readonly reason: MasterKeyReason; readonly problem: string }

const failure = (reason: MasterKeyReason, problem: string): Failure => ({ reason, problem })

function failureOf(error: unknown, secret: Uint8Array | undefined): Failure {
  if (!(error instanceof HookError)) return failure('master_key_unavailable', String(error))
  const { reason, message, cause } = error
  if (reason === 'hook_result_invalid') return failure('master_key_result_invalid', message)
  if (reason === 'hook_timed_out') return failure('master_key_unavailable', message)
  const refused = cause instanceof Error && cause.name === 'MasterKeyRefused'
  return failure(
    refused ? 'master_key_refused' : 'master_key_unavailable',
    withoutKey(messageOf(cause), secret),
  )
}

/** Returns the message with that of its cause: `fetch` throws errors that say why only there. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { message, cause } = error
  if (!(cause instanceof Error)) return message
  return `${message}: ${cause.message || (cause as NodeJS.ErrnoException).code}`
}

/** Removes the key from the message of someone else's code, such as one that repeats a request. */
function withoutKey(text: string, secret: Uint8Array | undefined): string {
  const forms = secret ? readableForms.map(form => Buffer.from(secret).toString(form)) : []
  const shown = forms.reduce((left, form) => left.replaceAll(form, '…'), text)
  return shown.replaceAll(/\s+/g, ' ').slice(0, longestProblem)
}

const expectations = {
  master_key_unavailable: [
    'a response of the key service',
    'check that it runs and can be reached from this machine; servers that run continue meanwhile',
  ],
  master_key_refused: [
    'permission to wrap and unwrap with this key',
    'grant it, and check that the key exists and is enabled',
  ],
  master_key_result_invalid: [
    'bytes: a wrapped key, or the 32 bytes of a key',
    'correct the function (docs/guides/key-services.md)',
  ],
  master_key_wrong: [
    'the key that was wrapped',
    'check that the id names the key that is used, and that the key was not replaced under its name',
  ],
  master_key_mismatch: ['the master key of this store', 'configure it (docs/guides/keys.md)'],
  root_keys_malformed: ['root keys that this server stored', 'restore them from a backup'],
} as const satisfies Record<MasterKeyReason, readonly [expected: string, fix: string]>

/** Returns an error with the place, the problem, what was expected, and the fix. */
function errorOf(place: string, id: string, reason: MasterKeyReason, problem: string): MasterKeyError {
  const [expected, fix] = expectations[reason]
  return new MasterKeyError(
    reason,
    `${place} of the master key ${id}: ${problem} (${reason})\n    expected: ${expected}\n    fix:      ${fix}`,
  )
}
