/**
 * Pending requests in the `sessionStorage` of a tab, each under its `state`: flows in other tabs, and others in the same
 * tab, do not disturb each other.
 */

import type { Seconds } from '@tessera/protocol/brand'
import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'
import { page } from './page.ts'

export type Kind = 'authorization' | 'sign-out'

/** Requests that the user abandoned are deleted after this time. */
const maxAge: Seconds = 3600

const prefixOf = (kind: Kind): string => `tessera.${kind}.`

/** Fails with `unsupported` if the browser has no storage for this page, or if it is full. */
export function savePending(kind: Kind, state: string, value: object, now: Seconds): Result<void> {
  try {
    const { sessionStorage } = page()
    deleteAbandoned(kind, now)
    sessionStorage.setItem(prefixOf(kind) + state, JSON.stringify({ ...value, saved_at: now }))
    return ok(undefined)
  } catch (cause) {
    return fail(
      new ClientError('unsupported', 'storage_unavailable', 'sessionStorage is full or not available', {
        cause,
      }),
    )
  }
}

/** Returns a pending request and deletes it, so that it is used once. */
export function takePending<Value extends object>(kind: Kind, state: string): Value | undefined {
  try {
    const { sessionStorage } = page()
    const key = prefixOf(kind) + state
    const text = sessionStorage.getItem(key)
    sessionStorage.removeItem(key)
    return text === null ? undefined : (JSON.parse(text) as Value)
  } catch {
    return undefined
  }
}

function deleteAbandoned(kind: Kind, now: Seconds): void {
  const { sessionStorage } = page()
  const keys = Array.from({ length: sessionStorage.length }, (_, index) => sessionStorage.key(index) ?? '')
  for (const key of keys.filter(key => key.startsWith(prefixOf(kind))))
    if (!(savedAt(sessionStorage.getItem(key)) > now - maxAge)) sessionStorage.removeItem(key)
}

function savedAt(text: string | null): number {
  try {
    return Number((JSON.parse(text ?? '') as { saved_at?: unknown }).saved_at)
  } catch {
    return Number.NaN
  }
}
