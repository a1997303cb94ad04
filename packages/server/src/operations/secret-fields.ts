/** Names of fields that a log line must not contain. */

/** Censored fields. Other values need other names: `error_code` for an error's code, `authorization_id` for an authorization's id. */
export const secretFields: ReadonlySet<string> = new Set([
  'password',
  'client_secret',
  'client_assertion',
  'code',
  'code_verifier',
  'refresh_token',
  'access_token',
  'id_token',
  'id_token_hint',
  'device_code',
  'user_code',
  'token',
  'subject_token',
  'actor_token',
  'assertion',
  'authorization',
  'cookie',
])
