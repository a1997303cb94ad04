/** When a user must be asked whether a client may have what it asks for (OpenID Connect Core 1.0 §3.1.2.4). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable } from '../runtime/ports.ts'
import type { Consent } from './authorization.ts'
import type { Client } from './client.ts'

/** An operator's own rule: true asks the user, beside the clients that are configured to. */
export type ConsentPolicyHook = (request: {
  readonly client_id: string
  readonly sub: string
  readonly tenant?: string
  readonly scope: readonly string[]
}) => Awaitable<boolean>

/**
 * Returns the scopes that need no answer now: the user agreed to them and let that be remembered. None where a client
 * that registered itself has since changed what users see of it, or it could use the trust in another name.
 */
export const rememberedScope = (consent: Consent, client: Client, now: Seconds): readonly string[] => {
  const { remembered_until } = consent
  return remembered_until === undefined || remembered_until > now ? stillRemembered(consent, client) : []
}

const stillRemembered = (
  { scope, remembered = scope, created_at }: Consent,
  { registered }: Client,
): readonly string[] =>
  registered?.shown_since !== undefined && created_at <= registered.shown_since ? [] : remembered

export type Answer = {
  readonly asked: readonly string[]
  readonly agreed: readonly string[]
  /** For how many seconds it is remembered; undefined: for ever; 0: not. */
  readonly lifetime: Seconds | undefined
}

type ConsentTerms = Pick<Consent, 'scope' | 'remembered' | 'remembered_until'>

/** What stands after an answer: what it was not about stands as it was, as far as the client may still ask for it. */
export function afterAnswer(
  earlier: Consent | undefined,
  { asked, agreed, lifetime }: Answer,
  client: Client,
  now: Seconds,
): ConsentTerms {
  const stands = (name: string): boolean => client.scope.has(name) && !asked.includes(name)
  const kept = earlier?.scope.filter(stands) ?? []
  const keptRemembered = earlier ? rememberedScope(earlier, client, now).filter(stands) : []
  const ends = [
    ...(keptRemembered.length > 0 ? [earlier?.remembered_until] : []),
    ...(lifetime === 0 || lifetime === undefined ? [] : [now + lifetime]),
  ].filter(end => end !== undefined)
  return {
    scope: [...kept, ...agreed].sort(),
    remembered: [...keptRemembered, ...(lifetime === 0 ? [] : agreed)].sort(),
    // The earlier end counts for both: nothing is remembered for longer than was promised.
    ...(ends.length > 0 && { remembered_until: Math.min(...ends) }),
  }
}

/** What stands after an agreement that is kept for the list and for taking it back, and answers no later question (a device's). */
export const withAgreement = (
  earlier: Consent | undefined,
  agreed: readonly string[],
  client: Client,
): ConsentTerms => ({
  scope: [...new Set([...(earlier?.scope ?? []), ...agreed])].sort(),
  remembered: earlier ? stillRemembered(earlier, client) : [],
  ...(earlier?.remembered_until !== undefined && { remembered_until: earlier.remembered_until }),
})
