/**
 * Runs a whole plan in the suite through its REST API: `node examples/conformance-rp/suite.ts PLAN [MODULE…]`. The exit
 * code is 0 if each module has passed, or was skipped because the app refuses unsigned ID tokens.
 */

import { listen } from './listen.ts'
import { runModule } from './run-module.ts'
import type { Environment } from './settings.ts'

const {
  SUITE = 'https://localhost.emobix.co.uk:8443',
  SUITE_TOKEN,
  ALIAS = 'tessera',
  BASE_URL = 'https://rp.example',
  VARIANT = '{"client_registration":"dynamic_client","request_type":"plain_http_request"}',
  WAIT_TIMEOUT_SECONDS = '5',
} = process.env

type Module = { readonly testModule: string; readonly variant?: Environment | null }
type Info = { readonly status: string; readonly result?: string }
type LogEntry = { readonly result?: string; readonly src?: string; readonly msg?: string }

async function api<T>(path: string, init: RequestInit = {}): Promise<T> {
  const headers = {
    'content-type': 'application/json',
    ...(SUITE_TOKEN && { authorization: `Bearer ${SUITE_TOKEN}` }),
  }
  const response = await fetch(`${SUITE}/api/${path}`, { ...init, headers })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 500)}`)
  return JSON.parse(text)
}

/** Returns the state of a module when it has one of these statuses, or after a minute. */
async function reach(id: string, statuses: readonly string[]): Promise<Info> {
  const end = performance.now() + 60_000
  for (;;) {
    const info = await api<Info>(`info/${id}`)
    if (statuses.includes(info.status) || performance.now() > end) return info
    await new Promise(resolve => setTimeout(resolve, 250))
  }
}

async function runInSuite(plan: string, { testModule, variant: own }: Module): Promise<boolean> {
  const variant = own ?? {}
  const created = new URLSearchParams({ test: testModule, plan, variant: JSON.stringify(variant) })
  const { id } = await api<{ id: string }>(`runner?${created}`, { method: 'POST' })
  await reach(id, ['WAITING', 'FINISHED', 'INTERRUPTED'])
  const environment = {
    ...process.env,
    ISSUER: `${SUITE}/test/a/${ALIAS}/`,
    BASE_URL,
    VARIANT: JSON.stringify({ ...JSON.parse(VARIANT), ...variant }),
  }
  const { passed, outcome } = await runModule(testModule, environment, {
    async serve(app, settings) {
      const server = await listen(app, settings)
      return () => server.close()
    },
  })
  const { status, result } = await reach(id, ['FINISHED', 'INTERRUPTED'])
  const skipped = result === 'SKIPPED' && testModule === 'oidcc-client-test-idtoken-sig-none'
  console.log([status, result, testModule, variant.response_type ?? '', outcome].join(' | '))
  if (result !== 'PASSED') await showLog(id)
  return passed && (result === 'PASSED' || skipped)
}

async function showLog(id: string): Promise<void> {
  const entries = await api<readonly LogEntry[]>(`log/${id}`)
  for (const { result = '', src, msg } of entries)
    if (['FAILURE', 'WARNING', 'INTERRUPTED'].includes(result)) console.log(`  ${result} ${src}: ${msg}`)
}

/** Returns the key set of a static client. */
function publicKeys(privateJwk: string): object {
  const { kty, n, e, kid } = JSON.parse(privateJwk)
  return { keys: [{ kty, n, e, kid, alg: 'RS256', use: 'sig' }] }
}

const [planName, ...only] = process.argv.slice(2)
if (!planName) throw new Error('name a plan, such as oidcc-client-basic-certification-test-plan')

const configuration = {
  alias: ALIAS,
  description: 'examples/conformance-rp',
  waitTimeoutSeconds: Number(WAIT_TIMEOUT_SECONDS),
  client: {
    client_id: process.env.CLIENT_ID,
    client_secret: process.env.CLIENT_SECRET,
    redirect_uri: `${BASE_URL}/callback`,
    jwks: process.env.PRIVATE_JWK && publicKeys(process.env.PRIVATE_JWK),
  },
}
const plan = await api<{ id: string; modules: readonly Module[] }>(
  `plan?${new URLSearchParams({ planName, variant: VARIANT })}`,
  { method: 'POST', body: JSON.stringify(configuration) },
)
console.log(`${SUITE}/plan-detail.html?plan=${plan.id}`)
let failed = 0
for (const module of plan.modules)
  if (only.length === 0 || only.includes(module.testModule))
    failed += (await runInSuite(plan.id, module)) ? 0 : 1
console.log(`failed modules: ${failed}`)
process.exitCode = failed ? 1 : 0
