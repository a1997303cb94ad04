/**
 * Describes refusals of the token endpoint to authenticated clients (`error_description`, RFC 6749 §5.2). Anyone can
 * send the id of a public client, so public clients get only descriptions that follow from the request itself. No
 * description reveals whether a user exists or whether a credential of another client is valid.
 */

import { type Client, isPublic } from '../model/client.ts'

const unknownCode = 'The code is unknown or was issued to another client'
const unknownDeviceCode = 'The device_code is unknown or was issued to another client'
const unknownRefreshToken = 'The refresh token is unknown, has expired, or was issued to another client'
/** One text for all of these, so that clients can't learn which users are active. */
const endedSignIn = 'The sign-in or its user is no longer valid for this client'

/** Descriptions by reason, for refusals that don't set a description. Undefined: not described to anyone. */
export const explanations = {
  code_unknown: unknownCode,
  code_of_another_client: unknownCode,
  code_replayed: 'The code was used before',
  code_expired: 'The code has expired',
  redirect_uri_differs: 'redirect_uri differs from that of the authorization request',
  redirect_uri_not_registered: 'redirect_uri is no longer registered for the client',
  code_verifier_missing: 'code_verifier is required: the authorization request had a code_challenge',
  code_verifier_unexpected: 'code_verifier was sent, but the authorization request had no code_challenge',
  code_verifier_wrong: 'code_verifier does not match the code_challenge',
  code_bound_to_another_key: 'The code is bound to the key of dpop_jkt, and the DPoP proof has another one',
  code_challenge_missing: 'This client must use PKCE, and the authorization request had no code_challenge',
  code_challenge_plain: 'This client may not use the code_challenge_method plain',

  device_code_unknown: unknownDeviceCode,
  device_code_of_another_client: unknownDeviceCode,
  device_code_used: 'The device_code was used before',
  device_code_used_with_another_key: 'The device_code was used before, with another key',

  refresh_token_malformed: unknownRefreshToken,
  refresh_token_unknown: unknownRefreshToken,
  refresh_token_of_another_client: unknownRefreshToken,
  // Checked before the owner of the token is known.
  refresh_token_expired: unknownRefreshToken,
  refresh_token_idle_too_long: 'The refresh token expired because it was not used',
  refresh_token_reused: 'The refresh token was used before, so its sign-in was revoked',
  refresh_generation_ahead: 'The server lost the state of this refresh token, so the user must sign in again',
  refresh_rotated_in_future: 'The server cannot determine whether this refresh token was used before',
  offline_access_withdrawn: 'This client may no longer use the scope offline_access',
  lost_twice: 'A concurrent request used the same code or token',

  authorization_revoked: endedSignIn,
  no_longer_valid: endedSignIn,
  user_inactive: endedSignIn,
  user_of_another_tenant: endedSignIn,
  subject_is_a_client: endedSignIn,

  assertion_replayed: 'The assertion was used before',
  extension_subject_token_expired: 'The token that this request is based on has expired',

  /** Occurs for public clients only. */
  refresh_token_bound_to_another_key: undefined,
  /** A description would reveal whether two identifiers belong to the same user. */
  extension_subject_not_derived: undefined,
  extension_subject_of_another_sector: undefined,
  /** Errors of an operator's module: the client gets the module's description, and the log gets the rest. */
  extension_client_unknown: undefined,
  extension_lifetime_invalid: undefined,
  extension_grant_threw: undefined,
  extension_refused: undefined,
  hook_result_invalid: undefined,
  validator_refused: undefined,
} as const satisfies Readonly<Record<string, string | undefined>>

/** Returns the description of a reason for this client; undefined for public and unauthenticated ones. */
export const describeReason = (client: Client | undefined, reason: string): string | undefined =>
  client !== undefined && !isPublic(client) && Object.hasOwn(explanations, reason)
    ? explanations[reason as keyof typeof explanations]
    : undefined
