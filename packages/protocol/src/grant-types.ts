/** Values of `grant_type` (OAuth Parameters registry, "OAuth URI" registry). */

export const grantTypes = {
  authorizationCode: 'authorization_code',
  clientCredentials: 'client_credentials',
  /** RFC 6749 §4.3. */
  password: 'password',
  refreshToken: 'refresh_token',
  /** RFC 8628 §3.4. */
  deviceCode: 'urn:ietf:params:oauth:grant-type:device_code',
  /** RFC 8693 §2.1. */
  tokenExchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  /** RFC 7523 §2.1. */
  jwtBearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
} as const
