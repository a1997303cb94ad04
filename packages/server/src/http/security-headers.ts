/** Headers that every answer carries. */

const year = 31_536_000

/** HSTS (RFC 6797) only where the issuer is https: http is for loopback. */
export const securityHeaders = (issuer: string): Readonly<Record<string, string>> => ({
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  ...(issuer.startsWith('https:') && { 'strict-transport-security': `max-age=${year}` }),
})
