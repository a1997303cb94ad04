/** The `grant_type` values that a client may be configured with. */

/** RFC 6749 §4 and RFC 8628 §3.4. */
export const standardGrantTypes = [
  'authorization_code',
  'client_credentials',
  'password',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
] as const

/** Extension grants that this server brings (RFC 8693, RFC 7523); a module may put its own in their place. */
export const builtInExtensionGrantTypes = [
  'urn:ietf:params:oauth:grant-type:token-exchange',
  'urn:ietf:params:oauth:grant-type:jwt-bearer',
] as const

/** Flows of the authorization endpoint alone (RFC 6749 §4.2, OpenID Connect Core 1.0 §3.2). */
export const implicitGrantType = 'implicit'

export const knownGrantTypes: readonly string[] = [
  ...standardGrantTypes,
  ...builtInExtensionGrantTypes,
  implicitGrantType,
]
