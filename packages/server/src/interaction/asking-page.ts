/** A page that asks the user of one session something about an authorization request: how it is opened. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Continuation, Continuations } from './continuation.ts'
import type { Csrf } from './csrf.ts'
import { readPage } from './form.ts'

type Request = Continuation & { readonly kind: 'authorization' }

export type AskingPage = {
  readonly form: Parameters
  readonly continuation: Request
  /** Whom it asks; for any other session it is decided anew what comes next. */
  readonly asking_sid: string
  /** What waited before it was asked. */
  readonly before: Request
}

/** Refuses `continuation_invalid` for what asks nobody, beside what {@link readPage} refuses. */
export function openAskingPage(
  request: HttpRequest,
  { csrf, continuations }: { readonly csrf: Csrf; readonly continuations: Continuations },
): Result<AskingPage> {
  const form = readPage(request, csrf)
  if (!form.ok) return form
  const continuation = continuations.open(form.value.get('continue'))
  if (continuation?.kind !== 'authorization' || continuation.asking_sid === undefined) {
    return refuse('invalid_request', 'continuation_invalid')
  }
  const { asking_sid, ...before } = continuation
  return ok({ form: form.value, continuation, asking_sid, before })
}
