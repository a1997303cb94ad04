/** The settings of a server or tenant that security profiles have requirements for. */

import type { ConfigurationDraft } from '../schema/whole.ts'

/** Keys of a server or tenant that profiles have requirements for. */
export const profileKeys = [
  'issuer',
  'compatibility',
  'client_assertion_audience',
  'authorization_requests',
  'authorization_responses',
  'registration',
  'signature_algorithms',
] as const
export type ProfileKey = (typeof profileKeys)[number]

/** The values of these keys, and where they are written. A key that is invalid has none. */
export type ProfileSettings = {
  readonly [Key in ProfileKey]?: { readonly value: ConfigurationDraft[Key]; readonly path: string }
}
