/**
 * A flood of registrations at the permitted rate, on a simulated clock: what it leaves in the store and in memory, and
 * what it does to clients that registered before it. As a command, it compares clients with and without rows:
 *
 *     node --expose-gc bench/src/registration-flood.ts 1000000
 *
 * With `issue` or `off` as second argument, it measures only one of them.
 */

import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createTessera, parseConfiguration, type Tessera } from '../../packages/server/src/server.ts'

const modes = ['issue', 'off'] as const
type Mode = (typeof modes)[number]

export type FloodOptions = {
  /** Whether clients get sealed ids, or rows. */
  readonly mode: Mode
  readonly registrations: number
  /** Networks that take part. Each registers as often as it may. */
  readonly networks: number
  /** Clients that registered before the flood. Half of them are in use. */
  readonly clients: number
}

export type FloodResult = {
  readonly registered: number
  readonly refused: number
  readonly rows: Readonly<Record<string, number>>
  /** The most rows that counted attempts at the same time. */
  readonly mostAttempts: number
  readonly fileBytes: number
  /** Of JavaScript objects, after a collection if `--expose-gc` is set. */
  readonly heapGrowth: number
  readonly perSecond: number
  /** Clients from before the flood that still exist afterwards. */
  readonly kept: { readonly used: number; readonly unused: number }
  /** Milliseconds of authorization requests of clients from before: medians without and with the flood. */
  readonly latency: { readonly before: number; readonly during: number }
}

const perHour = 300
const concurrent = 20
const startOfTime = 1_790_000_000

/** Resolves when all registrations were sent. Rejects if a response is neither 201 nor 503. */
export async function flood(options: FloodOptions): Promise<FloodResult> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-flood-'))
  try {
    return await floodFile(join(folder, 'tessera.db'), options)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function floodFile(
  file: string,
  { mode, registrations, networks, clients }: FloodOptions,
): Promise<FloodResult> {
  let now = startOfTime
  const server = await open(file, mode, () => now)
  try {
    const before = await registerBefore(server, clients)
    const visit = createVisits(server, before)
    const idle = await visit.measure(200)
    const heapBefore = heapUsed()
    const begun = performance.now()
    const counts = { 201: 0, 503: 0 }
    const busy: number[] = []
    let mostAttempts = 0
    for (let sent = 0; sent < registrations; sent += concurrent) {
      now = startOfTime + 3600 + Math.floor((sent * 3600) / (networks * perHour))
      const batch = Array.from({ length: Math.min(concurrent, registrations - sent) }, (_, index) =>
        register(server, nameOf(sent + index), networkOf((sent + index) % networks)),
      )
      const timed = sent % (concurrent * 50) === 0 ? visit.once().then(ms => void busy.push(ms)) : undefined
      for (const { status } of await Promise.all(batch)) counts[status]++
      await timed
      if (sent % (concurrent * 500) === 0) {
        await server.runCleanUp()
        mostAttempts = Math.max(mostAttempts, rowsOf(file).attempts ?? 0)
      }
    }
    const perSecond = Math.round(registrations / ((performance.now() - begun) / 1000))
    return {
      registered: counts[201],
      refused: counts[503],
      rows: rowsOf(file),
      mostAttempts,
      fileBytes: (await stat(file)).size,
      heapGrowth: heapUsed() - heapBefore,
      perSecond,
      kept: await visit.kept(),
      latency: { before: idle, during: median(busy) },
    }
  } finally {
    await server.close()
  }
}

function open(file: string, mode: Mode, now: () => number): Promise<Tessera> {
  const parsed = parseConfiguration(
    {
      issuer: 'https://id.example',
      storage: `sqlite:${file}`,
      registration: { mode: 'open', sealed_client_ids: { mode } },
    },
    { environment: { TESSERA_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') }, now: now() },
  )
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
  const nothing = (): void => {}
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  return createTessera(parsed.configuration, { clock: { now }, log, jobs: false })
}

/** Returns the ids of clients in use, and of others that were not used yet. */
async function registerBefore(server: Tessera, count: number) {
  const ids: string[] = []
  for (let index = 0; index < count; index++)
    ids.push((await register(server, `before ${index}`, networkOf(index + 60_000))).client_id)
  const used = ids.filter((_, index) => index % 2 === 0)
  const use = { used_at: startOfTime, used_by: 'a user' as never }
  for (const id of used) await server.stores.registeredClients.extend(id, use)
  return { used, unused: ids.filter((_, index) => index % 2 === 1) }
}

async function register(
  server: Tessera,
  client_name: string,
  address: string,
): Promise<{ readonly status: 201 | 503; readonly client_id: string }> {
  const { status, body = '' } = await server.handle({
    id: client_name,
    method: 'POST',
    path: '/connect/register',
    query: '',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    }),
    peer: { address },
  })
  if (status !== 201 && status !== 503) throw new Error(`registration: ${status} ${String(body)}`)
  return { status, client_id: status === 201 ? JSON.parse(String(body)).client_id : '' }
}

const redirectUri = 'http://127.0.0.1:33418/callback'
const nameOf = (index: number): string => `Notes of ${index}`
const networkOf = (index: number): string => `11.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`

/** Sends authorization requests of clients from before the flood. */
function createVisits(
  server: Tessera,
  { used, unused }: { readonly used: readonly string[]; readonly unused: readonly string[] },
) {
  const parameters = {
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }
  let next = 0
  const isKnown = async (client_id: string): Promise<boolean> => {
    const query = String(new URLSearchParams({ client_id, ...parameters }))
    const peer = { address: '192.0.2.1' }
    const request = {
      id: 'visit',
      method: 'GET',
      path: '/connect/authorize',
      query,
      headers: {},
      body: '',
      peer,
    }
    return (await server.handle(request)).status === 302
  }
  const once = async (): Promise<number> => {
    const begun = performance.now()
    await isKnown(used[next++ % used.length] ?? '')
    return performance.now() - begun
  }
  const countOf = async (ids: readonly string[]): Promise<number> => {
    let count = 0
    for (const id of ids) if (await isKnown(id)) count++
    return count
  }
  return {
    once,
    async measure(times: number): Promise<number> {
      const taken: number[] = []
      for (let index = 0; index < times; index++) taken.push(await once())
      return median(taken)
    },
    kept: async () => ({ used: await countOf(used), unused: await countOf(unused) }),
  }
}

/** Returns the number of rows of each table that has any. */
function rowsOf(file: string): Readonly<Record<string, number>> {
  const database = new DatabaseSync(file, { readOnly: true })
  const tables = database.prepare("select name from sqlite_schema where type = 'table'").all()
  const counts = tables.map(({ name }) => {
    const { count } = database.prepare(`select count(*) as count from "${name}"`).get() as { count: number }
    return [String(name), count] as const
  })
  database.close()
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

function heapUsed(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0

if (import.meta.main) {
  const registrations = Number(process.argv[2] ?? 1_000_000)
  const only = process.argv[3]
  for (const mode of modes.filter(one => only === undefined || one === only)) {
    const result = await flood({ mode, registrations, networks: 1000, clients: 1000 })
    process.stdout.write(`${JSON.stringify({ mode, ...result }, null, 2)}\n`)
  }
}
