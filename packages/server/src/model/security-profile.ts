/**
 * Security profiles: named sets of requirements that a server, a tenant or a client meets. OAuth 2.1
 * (draft-ietf-oauth-v2-1-16), and the Security Profile and Message Signing of FAPI 2.0.
 */

import { certificateMethods } from '@tessera/protocol/client-authentication'

/** Weakest first: each one includes those before it. */
export const securityProfiles = ['oauth2.1', 'fapi2-security', 'fapi2-message-signing'] as const
export type SecurityProfile = (typeof securityProfiles)[number]

/** Returns whether `text` is the name of a profile. */
export const isSecurityProfile = (text: unknown): text is SecurityProfile =>
  (securityProfiles as readonly unknown[]).includes(text)

/** Returns whether a profile contains the requirements of `other`. */
export const includesProfile = (profile: SecurityProfile | undefined, other: SecurityProfile): boolean =>
  profile !== undefined && securityProfiles.indexOf(profile) >= securityProfiles.indexOf(other)

/** Returns the profile that includes the other one. */
export const stricterProfile = (
  one: SecurityProfile | undefined,
  other: SecurityProfile | undefined,
): SecurityProfile | undefined => (other !== undefined && !includesProfile(one, other) ? other : one)

/** The first one is the default. Both names of the Ed25519 variant: RFC 9864 registered the second one. */
export const fapiAlgorithms: readonly string[] = ['ES256', 'PS256', 'EdDSA', 'Ed25519']

/** Returns whether JWTs may have this signature (FAPI 2.0 Security Profile §5.4.1). */
export const permitsAlgorithm = (profile: SecurityProfile | undefined, alg: string): boolean =>
  !includesProfile(profile, 'fapi2-security') || fapiAlgorithms.includes(alg)

/** Methods of clients that have a key instead of a secret (FAPI 2.0 Security Profile §5.3.2.1 (6)). */
export const keyMethods: readonly string[] = ['private_key_jwt', ...certificateMethods]

/** Returns whether a client presents a certificate, so that its tokens are bound to it (RFC 8705 §3). */
export const isCertificateMethod = (method: unknown): boolean =>
  (certificateMethods as readonly unknown[]).includes(method)

/** Returns whether clients may authenticate by this method. */
export const permitsMethod = (profile: SecurityProfile | undefined, method: string | undefined): boolean =>
  !includesProfile(profile, 'fapi2-security') || (method !== undefined && keyMethods.includes(method))

/** Returns whether clients may have this grant. */
export const permitsGrant = (profile: SecurityProfile | undefined, grant: string): boolean =>
  profile === undefined ||
  (grant !== 'password' && !(grant === 'implicit' && includesProfile(profile, 'fapi2-security')))

/** Returns whether the authorization endpoint may return this response type. */
export function permitsResponseType(profile: SecurityProfile | undefined, type: string): boolean {
  if (includesProfile(profile, 'fapi2-security')) return type === 'code'
  return profile === undefined || !type.split(' ').includes('token')
}
