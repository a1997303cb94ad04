/** Values that a browser carries but can't change: JSON with a MAC, and an end. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../core/keys.ts'
import type { Clock } from '../core/runtime.ts'

export type Seals<Value> = {
  /** Text for a URL or a form field: base64url(JSON) `.` base64url(HMAC-SHA256). */
  readonly seal: (value: Value) => string
  /** Undefined for text that is not ours, was changed, was sealed for another purpose, or is older than an hour. */
  readonly open: (text: string | undefined) => Value | undefined
}

const lifetime: Seconds = 3600
const version = 'v1'

export function createSeals<Value extends { readonly asked_at: Seconds }>(
  purpose: string,
  { derived, clock }: { derived: DerivedKeys; clock: Clock },
): Seals<Value> {
  const key = derived.derive(purpose)
  const mac = (payload: string): Buffer => createHmac('sha256', key).update(`${version}.${payload}`).digest()

  return {
    seal(value) {
      const payload = Buffer.from(JSON.stringify(value)).toString('base64url')
      return `${payload}.${mac(payload).toString('base64url')}`
    },
    open(text) {
      const [payload, sealed, ...rest] = text?.split('.') ?? []
      if (!payload || !sealed || rest.length > 0) return undefined
      const expected = Buffer.from(mac(payload).toString('base64url'))
      // Compared as text: base64url has several spellings of the same bytes, and only ours is taken.
      const given = Buffer.from(sealed)
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
      const value = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Value
      return value.asked_at + lifetime > clock.now() ? value : undefined
    },
  }
}
