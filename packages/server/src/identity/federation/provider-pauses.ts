/** Leaves a provider alone for a moment when it fails, since strangers can make this server ask it (logout tokens). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Clock } from '../../runtime/ports.ts'

export type Pauses = {
  /** Returns the last error if it is too early to ask again; undefined otherwise. */
  readonly errorFor: (name: string) => { readonly error: unknown } | undefined
  readonly failed: (name: string, error: unknown) => void
  readonly succeeded: (name: string) => void
}

type Failures = { readonly error: unknown; readonly at: readonly Seconds[] }

/** Two failures in this time. It is short because users wait, and two because one may be a connection that was lost. */
const span: Seconds = 5
const most = 2

export function createPauses(clock: Clock): Pauses {
  const failures = new Map<string, Failures>()
  const recent = (name: string): readonly Seconds[] =>
    (failures.get(name)?.at ?? []).filter(at => at + span > clock.now())
  return {
    errorFor: name => (recent(name).length >= most ? failures.get(name) : undefined),
    failed: (name, error) => void failures.set(name, { error, at: [...recent(name), clock.now()] }),
    succeeded: name => void failures.delete(name),
  }
}
