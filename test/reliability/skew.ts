/**
 * Wrong clocks: two nodes on PostgreSQL whose clocks differ by seconds or minutes, and processes that are hours or
 * days ahead and only clean up. No retry may end a sign-in, no old token may be accepted, and no valid row may be
 * deleted.
 */

import { setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { startPostgres } from '../support/postgres.ts'
import { freePort, type RunningServer, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { secret, world } from '../support/world.ts'
import type { ExperimentOptions, Report } from './experiment.ts'

/** Another checkout's `tessera.js`, to measure that one instead. */
const entry = process.env.RELIABILITY_ENTRY ? pathToFileURL(process.env.RELIABILITY_ENTRY) : undefined

const basic = (id: string, password = secret): string =>
  `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`

type Answer = {
  readonly status: number
  readonly access_token?: string
  readonly refresh_token?: string
  readonly active?: boolean
}

async function post(
  url: string,
  client: string,
  form: Readonly<Record<string, string>>,
  password?: string,
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: basic(client, password) },
    body: new URLSearchParams(form),
  })
  return { status: response.status, ...((await response.json()) as object) }
}
const signIn = ({ url }: RunningServer, client: string, scope: string) =>
  post(`${url}/connect/token`, client, {
    ...{ grant_type: 'password', username: 'bob', password: 'bob', scope },
  })
const refresh = ({ url }: RunningServer, refresh_token: string) =>
  post(`${url}/connect/token`, 'roclient', { grant_type: 'refresh_token', refresh_token })

const configuration = {
  ...world,
  workers: 1,
  clients: world.clients.map(client =>
    client.client_id === 'onlypassword' ? { ...client, access_token_type: 'reference' } : client,
  ),
}

/** A process whose clock is this many seconds ahead. */
async function serve(file: string, skew = 0): Promise<RunningServer> {
  const port = await freePort()
  const before = process.env.NODE_OPTIONS
  const shift = `const now=Date.now;Date.now=()=>now()+${skew * 1000}`
  process.env.NODE_OPTIONS = `${before ?? ''} --import=data:text/javascript,${encodeURIComponent(shift)}`
  try {
    // Not awaited: others that start meanwhile have the right clock.
    return serveConfiguration(file, port, { program: entry })
  } finally {
    if (before === undefined) delete process.env.NODE_OPTIONS
    else process.env.NODE_OPTIONS = before
  }
}

const many = <Value>(count: number, make: () => Promise<Value>): Promise<Value[]> =>
  Promise.all(Array.from({ length: count }, make))

type Row = { readonly cells: readonly (string | number)[]; readonly broken: readonly string[] }

/** Two nodes: an immediate retry at the other one, and a replay after 14 s (the retry window is 10 s). */
async function compareNodes(storage: string, skew: number, count: number): Promise<Row> {
  const { file, remove } = await writeConfiguration({
    ...configuration,
    issuer: 'http://localhost:5080',
    storage,
  })
  const nodes = [await serve(file), await serve(file, skew)] as const
  try {
    let [lost, accepted] = [0, 0]
    const compare = async ([one, other]: readonly [RunningServer, RunningServer]): Promise<void> => {
      const begun = await many(count, () => signIn(one, 'roclient', 'api1 offline_access'))
      const rotated = await Promise.all(begun.map(({ refresh_token = '' }) => refresh(one, refresh_token)))
      const retried = await Promise.all(begun.map(({ refresh_token = '' }) => refresh(other, refresh_token)))
      const alive = await Promise.all(rotated.map(({ refresh_token = '' }) => refresh(other, refresh_token)))
      lost += retried.filter((retry, index) => retry.status !== 200 || alive[index]?.status !== 200).length
      const later = await many(count, () => signIn(one, 'roclient', 'api1 offline_access'))
      await Promise.all(later.map(({ refresh_token = '' }) => refresh(one, refresh_token)))
      await setTimeout(14_000)
      const replayed = await Promise.all(later.map(({ refresh_token = '' }) => refresh(other, refresh_token)))
      accepted += replayed.filter(({ status }) => status === 200).length
    }
    await Promise.all([compare(nodes), compare([nodes[1], nodes[0]])])
    const ready = (await fetch(`${nodes[1].url}/readyz`)).status
    const name = `${skew > 0 ? '+' : ''}${skew} s`
    return {
      cells: [
        'two nodes, PostgreSQL',
        name,
        `${lost} of ${2 * count} retries`,
        `${accepted} of ${2 * count} replays`,
        ready,
      ],
      broken: lost + accepted > 0 ? [`nodes ${name} apart: ${lost} lost, ${accepted} accepted`] : [],
    }
  } finally {
    await Promise.all(nodes.map(node => node.stop()))
    await remove()
  }
}

/** A process whose clock is ahead, without requests while it cleans up once. */
async function cleanUpAhead(
  storage: string | undefined,
  [name, skew]: readonly [string, number],
  count: number,
): Promise<Row> {
  const { file, remove } = await writeConfiguration({
    ...configuration,
    issuer: 'http://localhost:5080',
    storage: storage ?? 'sqlite:./tessera.db',
  })
  const first = await serve(file)
  try {
    const families = await many(count, () => signIn(first, 'roclient', 'api1 offline_access'))
    const references = await many(count, () => signIn(first, 'onlypassword', 'api1'))
    if (storage === undefined) await first.stop()
    const wrong = await serve(file, skew)
    await setTimeout(35_000)
    const ready = (await fetch(`${wrong.url}/readyz`)).status
    await wrong.stop()
    const right = storage === undefined ? await serve(file) : first
    const active = await Promise.all(
      references.map(({ access_token = '' }) =>
        post(`${right.url}/connect/introspect`, 'urn:api', { token: access_token }, 'api-secret'),
      ),
    )
    const refreshed = await Promise.all(
      families.map(({ refresh_token = '' }) => refresh(right, refresh_token)),
    )
    await right.stop()
    const lostTokens = active.filter(answer => answer.active !== true).length
    const lostFamilies = refreshed.filter(({ status }) => status !== 200).length
    const store = storage === undefined ? 'SQLite' : 'PostgreSQL'
    return {
      cells: [
        `clean-up, ${store}`,
        name,
        `${lostTokens} of ${count} reference tokens`,
        `${lostFamilies} of ${count} sign-ins`,
        ready,
      ],
      broken: lostTokens + lostFamilies > 0 ? [`${store}, ${name}: living rows were deleted`] : [],
    }
  } finally {
    await first.stop()
    await remove()
  }
}

async function inTurn<Item>(items: readonly Item[], make: (item: Item) => Promise<Row[]>): Promise<Row[]> {
  const rows: Row[] = []
  for (const item of items) rows.push(...(await make(item)))
  return rows
}

const ahead = [
  ['+2 h', 7200],
  ['+2 d', 172_800],
  ['+35 d', 3_024_000],
] as const

export async function run({ long }: ExperimentOptions): Promise<Report> {
  process.env.TESSERA_MASTER_KEY ??= Buffer.alloc(32, 7).toString('base64')
  const count = long ? 20 : 5
  const server = await startPostgres({ connections: 300 })
  try {
    const compared = async (): Promise<Row[]> => {
      const skews = long ? [5, -5, 15, -15, 300, -300] : [15, -15]
      return inTurn(skews, async skew => [await compareNodes(await server.database(), skew, count)])
    }
    const cleanedUp = (): Promise<Row[]> =>
      inTurn(long ? ahead : ahead.slice(2), async one =>
        Promise.all([cleanUpAhead(await server.database(), one, count), cleanUpAhead(undefined, one, count)]),
      )
    // The short run concurrently: most of its time nothing happens.
    const rows = long
      ? [...(await compared()), ...(await cleanedUp())]
      : (await Promise.all([compared(), cleanedUp()])).flat()
    return {
      columns: ['what', 'clock', 'lost', 'lost or wrongly accepted', '/readyz of the wrong one'],
      rows: rows.map(({ cells }) => cells),
      broken: rows.flatMap(({ broken }) => broken),
    }
  } finally {
    await server.remove()
  }
}
