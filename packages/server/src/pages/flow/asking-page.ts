/** A page that asks the user of one session something about an authorization request: how it is opened. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Ok, ok, type Refusal, refuse } from '@tessera/protocol/result'
import type { Continuation } from './continuation.ts'
import type { Csrf } from './csrf.ts'
import type { NotOpened, OpenContinuation } from './open-continuation.ts'
import { readPage } from './page-form.ts'

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
export async function openAskingPage(
  request: HttpRequest,
  { csrf, openContinuation }: { readonly csrf: Csrf; readonly openContinuation: OpenContinuation },
): Promise<Ok<AskingPage> | (Refusal & Partial<NotOpened>)> {
  const form = readPage(request, csrf)
  if (!form.ok) return form
  const opened = await openContinuation(request, form.value.get('continue'))
  if (!opened.ok) return opened
  const continuation = opened.value
  if (continuation.kind !== 'authorization' || continuation.asking_sid === undefined) {
    return refuse('invalid_request', 'continuation_invalid')
  }
  const { asking_sid, ...before } = continuation
  return ok({ form: form.value, continuation, asking_sid, before })
}
