/** Decides when a user is asked for consent, and updates stored consents (OpenID Connect Core 1.0 §3.1.2.4). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Consent } from './authorization.ts'
import type { Client } from './client.ts'
import type { Hook } from './hook.ts'

/** An operator's hook. Returns true to ask the user, in addition to the clients that always ask. */
export type ConsentPolicyHook = Hook<ConsentPolicyRequest, boolean>
export type ConsentPolicyRequest = {
  readonly client_id: string
  readonly sub: string
  readonly tenant?: string
  /** The requested scopes that need consent. */
  readonly scope: readonly string[]
}

/**
 * Returns the scopes whose consent is remembered. Empty if a self-registered client has since changed metadata that
 * users see, because it could abuse the trust in its former name.
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
  /** How long it is remembered; undefined: indefinitely; 0: not at all. */
  readonly lifetime: Seconds | undefined
}

type ConsentTerms = Pick<Consent, 'scope' | 'remembered' | 'remembered_until'>

/** Returns the consent after the user's decision. Scopes that were not asked for remain, if the client may still request them. */
export function afterAnswer(
  earlier: Consent | undefined,
  { asked, agreed, lifetime }: Answer,
  client: Client,
  now: Seconds,
): ConsentTerms {
  const remains = (name: string): boolean => client.scope.has(name) && !asked.includes(name)
  const kept = earlier?.scope.filter(remains) ?? []
  const keptRemembered = earlier ? rememberedScope(earlier, client, now).filter(remains) : []
  const ends = [
    ...(keptRemembered.length > 0 ? [earlier?.remembered_until] : []),
    ...(lifetime === 0 || lifetime === undefined ? [] : [now + lifetime]),
  ].filter(end => end !== undefined)
  return {
    scope: [...kept, ...agreed].sort(),
    remembered: [...keptRemembered, ...(lifetime === 0 ? [] : agreed)].sort(),
    // The earlier expiry applies to both, so that nothing is remembered longer than agreed.
    ...(ends.length > 0 && { remembered_until: Math.min(...ends) }),
  }
}

/**
 * Returns the consent after an approval that is not remembered, as for devices. Users can still see and withdraw it.
 */
export const withAgreement = (
  earlier: Consent | undefined,
  agreed: readonly string[],
  client: Client,
): ConsentTerms => ({
  scope: [...new Set([...(earlier?.scope ?? []), ...agreed])].sort(),
  remembered: earlier ? stillRemembered(earlier, client) : [],
  ...(earlier?.remembered_until !== undefined && { remembered_until: earlier.remembered_until }),
})
