/** Headers that every answer carries (RFC 6797; Fetch Standard §3.5; Referrer Policy §3). */

const year = 31_536_000

/** HSTS only where the issuer is https: http is for loopback. */
export const securityHeaders = (issuer: string): Readonly<Record<string, string>> => ({
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  ...(issuer.startsWith('https:') && { 'strict-transport-security': `max-age=${year}` }),
})
