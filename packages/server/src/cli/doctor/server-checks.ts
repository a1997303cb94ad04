/** Checks that send requests to the running server, as clients, browsers and strangers do. */

import { isJsonObject, parseJsonObject } from '@tessera/protocol/json'
import type { Configuration } from '../../configuration/configuration.ts'
import { type CheckId, type Finding, failed, ok, skipped, warning } from './finding.ts'
import type { Probe, ProbeResponse } from './probe.ts'

const discoveryPath = '/.well-known/openid-configuration'

/** Made up by this client. None of them may change what the server responds. */
const forged = {
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-host': 'doctor.invalid',
  'x-forwarded-proto': 'http',
  forwarded: 'for=203.0.113.9;host=doctor.invalid;proto=http',
}
const foreignOrigin = 'https://doctor.invalid'
const long = 'x'.repeat(6000)
const day = 86_400_000

type Known = {
  readonly url: URL
  readonly probe: Probe
  /** Omitted: only what anyone can see is checked. */
  readonly configuration?: Configuration | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Resolves to the findings. If the server can't be reached, all but the first one are skipped. */
export async function checkServer(known: Known): Promise<readonly Finding[]> {
  const { probe, url, now } = known
  const sentAt = now()
  const first = await probe(discoveryPath).catch((error: Error) => error)
  if (first instanceof Error)
    return [
      failed('issuer', `${url.href}: ${first.message}`, 'start the server and the proxy, or correct --url'),
      ...remaining.map(id => skipped(id, 'the server can not be reached')),
    ]
  const metadata = jsonOf(first)
  return [
    checkIssuer(first, metadata, known),
    checkClock(first, { sentAt, receivedAt: now() }),
    ...checkTls(first, now()),
    checkHsts(first, url),
    ...(await Promise.all(
      requestChecks.map(([id, check]) =>
        check({ ...known, metadata }).catch((error: Error) =>
          failed(id, error.message, 'look for the cause in the logs of the proxy and the server'),
        ),
      ),
    )),
  ]
}

type Metadata = Readonly<Record<string, unknown>>
type Check = (known: Known & { readonly metadata: Metadata }) => Promise<Finding>

const jsonOf = ({ body }: ProbeResponse): Metadata => parseJsonObject(body) ?? {}

function checkIssuer(response: ProbeResponse, { issuer }: Metadata, { url, configuration }: Known): Finding {
  const expected = url.href.replace(/\/$/, '')
  if (response.status !== 200 || typeof issuer !== 'string')
    return failed(
      'issuer',
      `${expected}${discoveryPath} returned ${response.status} without an issuer`,
      'let the proxy forward every path to the server',
    )
  if (issuer !== expected)
    return failed(
      'issuer',
      `the server says ${issuer}, the URL is ${expected}`,
      'make "issuer" and --url equal: clients compare them byte for byte',
    )
  if (configuration && configuration.issuer !== issuer)
    return failed(
      'issuer',
      `the server says ${issuer}, the configuration ${configuration.issuer}`,
      'restart the server: a changed issuer is not reloaded',
    )
  return url.protocol === 'https:'
    ? ok('issuer', issuer)
    : failed('issuer', `${issuer} is not https`, 'put a proxy with TLS in front, and set "issuer" to its URL')
}

/** `Date` has whole seconds (RFC 9110 §6.6.1), and the response took some time. */
function checkClock(
  { headers }: ProbeResponse,
  { sentAt, receivedAt }: { readonly sentAt: number; readonly receivedAt: number },
): Finding {
  const date = Date.parse(String(headers.date))
  if (Number.isNaN(date)) return skipped('clock', 'the response has no Date')
  const seconds = Math.ceil(Math.max(sentAt - date - 1000, date - receivedAt, 0) / 1000)
  const fix = 'run NTP on both machines'
  if (seconds > 60) return failed('clock', `the clocks differ by ${seconds} s`, fix)
  if (seconds > 5) return warning('clock', `the clocks differ by ${seconds} s`, fix)
  return ok('clock', `within ${seconds + 1} s`)
}

function checkTls({ tls }: ProbeResponse, now: number): readonly Finding[] {
  if (!tls) {
    const fix = 'terminate TLS in a proxy (docs/guides/reverse-proxies.md)'
    return [failed('tls-version', 'no TLS', fix), failed('tls-certificate', 'no TLS', fix)]
  }
  const { protocol, untrusted, validUntil } = tls
  const days = Math.floor((validUntil - now) / day)
  const renew = 'renew the certificate, and check what renews it automatically'
  return [
    /^TLSv1\.[23]$/.test(protocol)
      ? ok('tls-version', protocol)
      : failed('tls-version', protocol, 'allow only TLS 1.2 and 1.3 in the proxy'),
    days < 0
      ? failed('tls-certificate', 'the certificate has expired', renew)
      : untrusted !== undefined
        ? failed(
            'tls-certificate',
            untrusted,
            'send the whole chain; for a private CA set NODE_EXTRA_CA_CERTS',
          )
        : days < 14
          ? warning('tls-certificate', `the certificate expires in ${days} days`, renew)
          : ok('tls-certificate', `valid for ${days} more days`),
  ]
}

function checkHsts({ headers }: ProbeResponse, url: URL): Finding {
  if (url.protocol !== 'https:') return skipped('hsts', 'browsers ignore it without https')
  const value = String(headers['strict-transport-security'] ?? '')
  const seconds = Number(/max-age=(\d+)/.exec(value)?.[1] ?? 0)
  return seconds >= 15_552_000
    ? ok('hsts', value)
    : failed(
        'hsts',
        value || 'no Strict-Transport-Security',
        'let the proxy forward the header of the server',
      )
}

/** The page of device codes needs no request of a client, and sets a cookie. */
const pagePath = '/device'

const checkHeaders: Check = async ({ probe }) => {
  const { headers } = await probe(pagePath)
  const policy = String(headers['content-security-policy'] ?? '')
  const missing = [
    !/frame-ancestors/.test(policy) && 'content-security-policy with frame-ancestors',
    headers['x-content-type-options'] !== 'nosniff' && 'x-content-type-options: nosniff',
    !headers['referrer-policy'] && 'referrer-policy',
  ].filter(Boolean)
  return missing.length === 0
    ? ok('security-headers', 'present')
    : failed(
        'security-headers',
        `missing: ${missing.join(', ')}`,
        'let the proxy forward the headers of the server',
      )
}

const checkCookies: Check = async ({ probe, url }) => {
  const lines = [(await probe(pagePath)).headers['set-cookie'] ?? []].flat()
  const fix = 'serve the issuer by https, and let the proxy forward cookies unchanged'
  if (lines.length === 0) return skipped('cookies', `${pagePath} set no cookie`)
  const isSecure = lines.every(
    line => /^__Host-/.test(line) && /;\s*secure/i.test(line) && /;\s*path=\/(;|$)/i.test(line),
  )
  if (isSecure) return ok('cookies', `${lines.length} checked`)
  return url.protocol === 'https:'
    ? failed('cookies', 'a cookie is not Secure with the prefix __Host- and Path=/', fix)
    : failed('cookies', 'cookies are not Secure, because the issuer is http', fix)
}

const checkForged: Check = async ({ probe, metadata }) => {
  const response = await probe(discoveryPath, { headers: forged })
  return response.status === 200 && jsonOf(response).issuer === metadata.issuer
    ? ok('forwarded-headers', 'no effect')
    : failed(
        'forwarded-headers',
        `with made-up headers, the server returned ${response.status} and issuer ${String(jsonOf(response).issuer)}`,
        'let the proxy set or remove these headers, and turn trust_forwarded_host off',
      )
}

const checkLarge: Check = async ({ probe, configuration }) => {
  const refused: string[] = []
  const inUrl = await probe(`${discoveryPath}?doctor=${long}`)
  if (inUrl.status !== 200) refused.push(`a request line (${inUrl.status})`)
  const inHeader = await probe(discoveryPath, { headers: { 'x-doctor': long } })
  if (inHeader.status !== 200) refused.push(`a header (${inHeader.status})`)
  const inForm = await probe('/connect/token', { form: { grant_type: long } })
  if (jsonOf(inForm).error === undefined) refused.push(`a form (${inForm.status})`)
  const redirect = configuration && (await largeRedirect(probe, configuration))
  if (redirect !== undefined && redirect.status >= 500) refused.push(`a redirect (${redirect.status})`)
  return refused.length === 0
    ? ok(
        'large-requests',
        redirect ? 'requests and a redirect pass' : 'requests pass; --config checks a redirect too',
      )
    : failed(
        'large-requests',
        `6 kB do not pass in ${refused.join(', ')}`,
        'raise the buffers of the proxy (docs/guides/reverse-proxies.md)',
      )
}

/** A refusal that goes to a client's redirect URI with a long `state`. Nothing is stored, and no user is asked. */
async function largeRedirect(probe: Probe, { clients }: Configuration): Promise<ProbeResponse | undefined> {
  const client = [...clients.all()].find(
    one => one.grant_types.has('authorization_code') && one.redirect_uris.length > 0,
  )
  if (!client) return undefined
  const parameters = {
    client_id: client.client_id,
    redirect_uri: client.redirect_uris[0] ?? '',
    response_type: 'code',
    prompt: 'none',
    state: long,
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
  }
  return probe(`/connect/authorize?${new URLSearchParams(parameters)}`)
}

const checkReady: Check = async ({ probe }) => {
  const { status, body } = await probe('/readyz')
  if (status === 200) return ok('ready', '/readyz is 200')
  if (status === 503 && body.includes('not_ready'))
    return failed(
      'ready',
      `/readyz is 503: ${body.slice(0, 200)}`,
      'look for the reason in the log of the server',
    )
  return ok('ready', `/readyz is not public (${status})`)
}

const isPrivate = (status: number): boolean => [403, 404, 503].includes(status)

const privateCheck =
  (id: 'metrics-private' | 'admin-private', path: string): Check =>
  async ({ probe }) => {
    const { status } = await probe(path)
    if (isPrivate(status)) return ok(id, `${path} returns ${status}`)
    const fix = `let the proxy refuse ${path} (docs/guides/reverse-proxies.md)`
    return status === 401
      ? warning(id, `${path} is public, and protected only by its token`, fix)
      : failed(id, `${path} returns ${status} to everyone`, fix)
  }

const checkCors: Check = async ({ probe }) => {
  const asked = { origin: foreignOrigin, 'access-control-request-method': 'POST' }
  const { headers } = await probe('/connect/token', { method: 'OPTIONS', headers: asked })
  const allowed = headers['access-control-allow-origin']
  return allowed === undefined
    ? ok('cors', 'an unknown origin is refused at the token endpoint')
    : failed(
        'cors',
        `the token endpoint allows the origin ${foreignOrigin}`,
        'remove CORS headers that the proxy adds: the server allows the origins of its clients itself',
      )
}

const checkJwks: Check = async ({ probe }) => {
  const response = await probe(`${discoveryPath}/jwks`)
  const keys = jsonOf(response).keys
  if (response.status !== 200 || !Array.isArray(keys) || keys.length === 0)
    return failed('jwks', `the key set returned ${response.status}`, 'let the proxy forward every path')
  const bad = keys.filter(key => !isStrong(key))
  const age = Number(/max-age=(\d+)/.exec(String(response.headers['cache-control']))?.[1] ?? 0)
  if (bad.length > 0)
    return failed(
      'jwks',
      `${bad.length} of ${keys.length} keys are weak or not public`,
      'rotate the signing keys',
    )
  if (age === 0)
    return warning('jwks', 'the key set can not be cached', 'let the proxy forward Cache-Control unchanged')
  return ok('jwks', `${keys.length} keys, cached for ${age} s`)
}

/** Types of keys that are strong in every size. AKP is ML-DSA (RFC 9964). */
const strongTypes: ReadonlySet<unknown> = new Set(['EC', 'OKP', 'AKP'])

/** 342 characters of base64url are 2048 bits (RFC 7518 §3.3). */
const isStrong = (key: unknown): boolean =>
  isJsonObject(key) &&
  key.d === undefined &&
  key.priv === undefined &&
  (strongTypes.has(key.kty) || (key.kty === 'RSA' && String(key.n).length >= 342))

const requestChecks: readonly (readonly [CheckId, Check])[] = [
  ['ready', checkReady],
  ['security-headers', checkHeaders],
  ['cookies', checkCookies],
  ['forwarded-headers', checkForged],
  ['large-requests', checkLarge],
  ['metrics-private', privateCheck('metrics-private', '/metrics')],
  ['admin-private', privateCheck('admin-private', '/admin/api/v1')],
  ['cors', checkCors],
  ['jwks', checkJwks],
]

const remaining: readonly CheckId[] = [
  ...(['clock', 'tls-version', 'tls-certificate', 'hsts'] as const),
  ...requestChecks.map(([id]) => id),
]
