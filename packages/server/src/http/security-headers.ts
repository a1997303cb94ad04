/** Security headers of all responses (RFC 6797; Fetch Standard §3.5; Referrer Policy §3). */

const year = 31_536_000

/** Returns the security headers. They include HSTS only if the issuer uses https; http is for loopback. */
export const securityHeaders = (issuer: string): Readonly<Record<string, string>> => ({
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  ...(issuer.startsWith('https:') && { 'strict-transport-security': `max-age=${year}` }),
})
