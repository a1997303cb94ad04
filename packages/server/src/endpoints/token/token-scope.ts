/** Which scope a token request gets (RFC 6749 §3.3). */

import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { parseScope } from '@tessera/protocol/scope'
import type { Client } from '../../model/client.ts'

/** The scope parameter split and sorted; undefined when it was omitted. Refuses `invalid_scope` when malformed. */
export function requestedScope(parameter: string | undefined): Result<readonly string[] | undefined> {
  if (parameter === undefined) return ok(undefined)
  const scope = parseScope(parameter)
  return scope ? ok(scope) : malformed
}

const malformed = refuse('invalid_scope', 'scope_malformed', {
  description: 'scope has characters that no scope may have',
})

/** Refuses `invalid_scope` when the client may no longer have all that was granted before. What it may have is registered. */
export const withdrawnScope = (scope: readonly string[], client: Client): Refusal | undefined => {
  const lost = scope.find(name => !client.scope.has(name))
  return lost === undefined
    ? undefined
    : refuse('invalid_scope', 'scope_withdrawn', {
        description: `This client may no longer use the scope ${lost}`,
        log: { scope: lost },
      })
}
