/** When a user must be asked whether a client may have what it asks for (OpenID Connect Core 1.0 §3.1.2.4). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Consent } from './authorization.ts'
import type { Awaitable } from './runtime.ts'

/** An operator's own rule: true asks the user, beside the clients that are configured to. */
export type ConsentPolicyHook = (request: {
  readonly client_id: string
  readonly sub: string
  readonly tenant?: string
  readonly scope: readonly string[]
}) => Awaitable<boolean>

/** Whether what was agreed to answers for the user now. */
export const isRemembered = ({ remembered_until }: Consent, now: Seconds): boolean =>
  remembered_until === undefined || remembered_until > now
