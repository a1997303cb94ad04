/** Values of `token_endpoint_auth_method` (RFC 7591 §2, OpenID Connect Core 1.0 §9, RFC 8705 §2). */

/** Methods by which a client presents a certificate (RFC 8705 §2). */
export const certificateMethods = ['tls_client_auth', 'self_signed_tls_client_auth'] as const

export const clientAuthenticationMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  ...certificateMethods,
  'none',
] as const

export type ClientAuthenticationMethod = (typeof clientAuthenticationMethods)[number]
