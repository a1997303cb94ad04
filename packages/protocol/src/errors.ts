/**
 * The error codes of the OAuth and OpenID Connect registries, with the HTTP status of each direct (not redirected)
 * response.
 */

export const errorStatus = {
  // RFC 6749 §4.1.2.1, §5.2
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  access_denied: 400,
  unsupported_response_type: 400,
  server_error: 500,
  temporarily_unavailable: 503,
  // RFC 6750 §3.1
  invalid_token: 401,
  insufficient_scope: 403,
  // RFC 7009 §2.2.1
  unsupported_token_type: 400,
  // RFC 8628 §3.5
  authorization_pending: 400,
  slow_down: 400,
  expired_token: 400,
  // RFC 8707 §2
  invalid_target: 400,
  // RFC 9449 §12.2
  invalid_dpop_proof: 400,
  use_dpop_nonce: 400,
  // RFC 7591 §3.2.2
  invalid_redirect_uri: 400,
  invalid_client_metadata: 400,
  invalid_software_statement: 400,
  unapproved_software_statement: 400,
  // OpenID Connect Core Error Code unmet_authentication_requirements 1.0 §2
  unmet_authentication_requirements: 400,
  // OpenID Connect Core 1.0 §3.1.2.6
  interaction_required: 400,
  login_required: 400,
  account_selection_required: 400,
  consent_required: 400,
  invalid_request_uri: 400,
  invalid_request_object: 400,
  request_not_supported: 400,
  request_uri_not_supported: 400,
  registration_not_supported: 400,
} as const

/** A registered error code, or an extension grant's own code (RFC 6749 §8.5). */
export type ErrorCode = keyof typeof errorStatus | (string & {})

/** Returns the HTTP status of a direct response with this error; 400 for a code that is not registered. */
export const statusOf = (error: ErrorCode): number =>
  Object.hasOwn(errorStatus, error) ? errorStatus[error as keyof typeof errorStatus] : 400

/** The characters of `error` and `error_description` (RFC 6749 §4.1.2.1, §5.2; RFC 6750 §3): ASCII without `"` and `\`. */
const allowed = /^[\x20\x21\x23-\x5B\x5D-\x7E]*$/

/** ASCII replacements for characters that are not a letter plus an accent. */
const asciiReplacements: Readonly<Record<string, string>> = {
  '§': 'section ',
  '…': '...',
  '→': '->',
  '—': '-',
  '–': '-',
  '−': '-',
  '×': 'x',
  '·': '*',
  '"': "'",
  '“': "'",
  '”': "'",
  '„': "'",
  '«': "'",
  '»': "'",
  '‘': "'",
  '’': "'",
  '\\': '/',
  '\u00A0': ' ',
  '\t': ' ',
  '\n': ' ',
  '\r': ' ',
  ß: 'ss',
  æ: 'ae',
  Æ: 'AE',
  œ: 'oe',
  Œ: 'OE',
  ø: 'o',
  Ø: 'O',
  ł: 'l',
  Ł: 'L',
}

/** Returns the text in ASCII as errors require. Characters without a replacement become `?`. */
export const errorText = (text: string): string =>
  allowed.test(text)
    ? text
    : text
        .replaceAll(/[^\x20\x21\x23-\x5B\x5D-\x7E]/gu, one => asciiReplacements[one] ?? one)
        // Removes accents: `é` becomes `e`.
        .normalize('NFKD')
        .replaceAll(/\p{M}/gu, '')
        .replaceAll(/[^\x20\x21\x23-\x5B\x5D-\x7E]/gu, '?')
