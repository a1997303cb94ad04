/** Pauses requests to a provider, or to one of its addresses, that fails. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Clock } from '../../runtime/ports.ts'
import { isRecent } from '../../runtime/recent.ts'

type Pauses = {
  /** Returns the last error while requests are paused; undefined otherwise. */
  readonly errorFor: (name: string) => { readonly error: unknown } | undefined
  readonly failed: (name: string, error: unknown) => void
  readonly succeeded: (name: string) => void
}

type Failures = { readonly error: unknown; readonly at: readonly Seconds[] }

/** @param limit how many failures within a span of time cause a pause. */
export function createPauses(
  clock: Clock,
  { most, span }: { readonly most: number; readonly span: Seconds },
): Pauses {
  const failures = new Map<string, Failures>()
  const recent = (name: string): readonly Seconds[] =>
    (failures.get(name)?.at ?? []).filter(at => isRecent(at, span, clock.now()))
  return {
    errorFor: name => (recent(name).length >= most ? failures.get(name) : undefined),
    failed: (name, error) => void failures.set(name, { error, at: [...recent(name), clock.now()] }),
    succeeded: name => void failures.delete(name),
  }
}
