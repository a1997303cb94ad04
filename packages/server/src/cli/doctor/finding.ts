/** The checklist of docs/guides/production.md: each item by its id. */

export const checklist = {
  issuer: 'the issuer is the https URL that clients use',
  ready: 'the server is ready',
  clock: "the server's clock agrees with this machine's",
  'tls-version': 'TLS 1.2 or 1.3',
  'tls-certificate': 'the certificate is trusted, and valid for two more weeks',
  hsts: 'browsers use https only (RFC 6797)',
  'security-headers': 'pages have a content security policy and can not be framed',
  cookies: 'cookies are Secure and have the prefix __Host-',
  'forwarded-headers': 'headers of proxies that a client made up have no effect',
  'large-requests': 'requests and redirects of 6 kB pass the proxy',
  'metrics-private': 'metrics are not public',
  'admin-private': 'the admin API is not public',
  cors: 'pages of other origins can not use tokens',
  jwks: 'the published keys are strong and can be cached',
  configuration: 'the configuration is valid and has no warnings',
  'default-secrets': 'no secret or password of examples, and no password in plain text',
  'master-key': 'the master key is configured and random, or its key service works',
  storage: 'the store survives a restart, and acknowledged writes survive a crash',
  'database-tls': 'connections to the database are encrypted',
  schema: 'the schema of the store is that of this version',
  'key-rotation': 'signing keys rotate',
  backup: 'there is a backup of the last 25 hours',
  'trusted-proxies': 'exactly the proxies are trusted',
  'private-networks': 'the server sends no requests to its own machine',
  workers: 'no more worker processes than cores',
  'log-level': 'the log has all events, and no more',
  'audit-log': 'changes by operators and sign-ins are recorded',
  monitoring: 'metrics are on',
  mail: 'the server can send mail, if users have accounts',
  registration: 'not everyone can register clients',
  grants: 'no client uses the implicit or the password grant',
  'second-factors': 'second factors are available',
} as const

export type CheckId = keyof typeof checklist

export type Finding =
  | { readonly id: CheckId; readonly state: 'ok' | 'skipped'; readonly detail: string }
  | {
      readonly id: CheckId
      readonly state: 'warning' | 'failed'
      readonly detail: string
      readonly fix: string
    }

export const ok = (id: CheckId, detail: string): Finding => ({ id, state: 'ok', detail })
export const skipped = (id: CheckId, detail: string): Finding => ({ id, state: 'skipped', detail })
export const warning = (id: CheckId, detail: string, fix: string): Finding => ({
  id,
  state: 'warning',
  detail,
  fix,
})
export const failed = (id: CheckId, detail: string, fix: string): Finding => ({
  id,
  state: 'failed',
  detail,
  fix,
})
