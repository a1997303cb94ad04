/**
 * Late duplicates: a node is stopped (SIGSTOP) with requests in its sockets. Their clients give up, succeed at another
 * node, and the first one resumes. No client may lose its sign-in.
 */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { challenge, verifier } from '../support/issue-code.ts'
import { startPostgres } from '../support/postgres.ts'
import { freePort, type RunningServer, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { until } from '../support/until.ts'
import { secret, world } from '../support/world.ts'
import type { ExperimentOptions, Report } from './experiment.ts'

const redirect_uri = 'https://app.example/cb'
const formType = 'application/x-www-form-urlencoded'
const basic = (id: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

type Tokens = { readonly status: number; readonly refresh_token?: string; readonly error?: string }
type Form = Readonly<Record<string, string>>

async function ask({ url }: RunningServer, client: string, form: Form): Promise<Tokens> {
  const response = await fetch(`${url}/connect/token`, {
    method: 'POST',
    headers: { authorization: basic(client) },
    body: new URLSearchParams(form),
  })
  return { ...((await response.json()) as object), status: response.status }
}

async function send(node: RunningServer, client: string, form: Form): Promise<Socket> {
  const body = new URLSearchParams(form).toString()
  const socket = connect(Number(new URL(node.url).port), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(
    `POST /connect/token HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${basic(client)}\r\n` +
      `Content-Type: ${formType}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
  return socket
}

/** Resolves to all received data. */
export async function sendTo(node: RunningServer, client: string, form: Form): Promise<string> {
  return text(await send(node, client, form))
}

/** Sends a request that a stopped node does not read, and gives up. */
async function sendAndGiveUp(node: RunningServer, client: string, form: Form, how: Way): Promise<void> {
  const socket = await send(node, client, form)
  await setTimeout(200)
  if (how === 'reset') socket.resetAndDestroy()
  else socket.destroy()
}

type Way = 'close' | 'reset'

export type Nodes = {
  readonly stalls: RunningServer
  readonly serves: RunningServer
  /** Stops the first one by SIGSTOP, outside a write. */
  readonly stall: () => Promise<void>
}

type Kind = {
  readonly client: string
  /** The request that arrives late. */
  readonly start: (node: RunningServer) => Promise<Form>
  /** Succeeds with it elsewhere; resolves to the newest refresh token. */
  readonly goOn: (node: RunningServer, form: Form) => Promise<string>
}

export const kinds: Readonly<Record<string, Kind>> = {
  refresh: {
    client: 'roclient',
    async start(node) {
      const { refresh_token } = await ask(node, 'roclient', {
        ...{ grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1 offline_access' },
      })
      return { grant_type: 'refresh_token', refresh_token: refresh_token ?? '' }
    },
    async goOn(node, form) {
      const first = await ask(node, 'roclient', form)
      const second = await ask(node, 'roclient', { ...form, refresh_token: first.refresh_token ?? '' })
      return second.refresh_token ?? ''
    },
  },
  code: {
    client: 'web',
    async start(node) {
      const back = await createPerson(node.url, { username: 'bob', password: 'bob' }).authorize(
        `${node.url}/connect/authorize?${new URLSearchParams({
          ...{ client_id: 'web', response_type: 'code', redirect_uri, scope: 'openid api1 offline_access' },
          ...{ code_challenge: challenge, code_challenge_method: 'S256' },
        })}`,
      )
      const code = back.searchParams.get('code') ?? ''
      return { grant_type: 'authorization_code', code, redirect_uri, code_verifier: verifier }
    },
    goOn: async (node, form) => (await ask(node, 'web', form)).refresh_token ?? '',
  },
}

/** Resolves to how many of the clients lost their sign-in. */
export async function lost(
  { stalls, serves, stall }: Nodes,
  { client, start, goOn }: Kind,
  { stoppedMs, clients, way }: { stoppedMs: number; clients: number; way: Way },
): Promise<number> {
  const forms: Form[] = []
  for (let count = 0; count < clients; count++) forms.push(await start(serves))
  await stall()
  const stopped = performance.now()
  const newest: string[] = []
  try {
    await Promise.all(forms.map(form => sendAndGiveUp(stalls, client, form, way)))
    for (const form of forms) newest.push(await goOn(serves, form))
    await setTimeout(Math.max(0, stoppedMs - (performance.now() - stopped)))
  } finally {
    stalls.process.kill('SIGCONT')
  }
  await fetch(`${stalls.url}/readyz`)
  // Time for the waiting requests to be processed.
  await setTimeout(2000)
  const answers = await Promise.all(
    newest.map(refresh_token => ask(serves, client, { grant_type: 'refresh_token', refresh_token })),
  )
  return answers.filter(({ status }) => status !== 200).length
}

/** The storage of two nodes on one SQLite file. */
export const sqlite = 'sqlite:./tessera.db'

/**
 * Stops a process. One that is stopped inside a write to SQLite holds the only write lock: other nodes respond with 503
 * until it continues. It then continues at once, and is stopped again.
 */
async function stopOutsideWrites({ process }: RunningServer, database: string | undefined): Promise<void> {
  await until('the node is stopped outside a write', () => {
    process.kill('SIGSTOP')
    if (database === undefined || isWritable(database)) return true
    process.kill('SIGCONT')
    return false
  })
}

function isWritable(file: string): boolean {
  const database = new DatabaseSync(file, { timeout: 100 })
  try {
    database.exec('begin immediate; rollback')
    return true
  } catch (error) {
    if ((error as { errcode?: number }).errcode === busy) return false
    throw error
  } finally {
    database.close()
  }
}

/** SQLITE_BUSY, https://sqlite.org/rescode.html. */
const busy = 5

/** Another checkout's `tessera.js`, to measure that one instead. */
const entry = process.env.RELIABILITY_ENTRY ? pathToFileURL(process.env.RELIABILITY_ENTRY) : undefined

export async function withNodes<Value>(
  storage: string,
  use: (nodes: Nodes) => Promise<Value>,
): Promise<Value> {
  process.env.TESSERA_MASTER_KEY ??= randomBytes(32).toString('base64')
  const ports = [await freePort(), await freePort()] as const
  const { file, directory, remove } = await writeConfiguration({
    ...{ ...world, storage, workers: 1 },
    issuer: `http://localhost:${ports[0]}`,
  })
  const nodes: RunningServer[] = []
  try {
    for (const port of ports) nodes.push(await serveConfiguration(file, port, { program: entry }))
    const [serves, stalls] = nodes as [RunningServer, RunningServer]
    const database = storage === sqlite ? join(directory, 'tessera.db') : undefined
    return await use({ stalls, serves, stall: () => stopOutsideWrites(stalls, database) })
  } finally {
    await Promise.all(nodes.map(node => node.stop()))
    await remove()
  }
}

export async function run({ long }: ExperimentOptions): Promise<Report> {
  const clients = long ? 20 : 3
  const stops = long ? [900, 3000, 14_000] : [2600]
  // The short run uses one store; test/kinds/late.test.ts loses no sign-in on either.
  const postgres = long ? await startPostgres() : undefined
  const rows: (string | number)[][] = []
  try {
    // One after the other, so that nothing else affects the measurements.
    for (const [store, storage] of Object.entries({
      ...(postgres && { PostgreSQL: await postgres.database() }),
      SQLite: sqlite,
    }))
      await withNodes(storage, async nodes => {
        for (const [name, kind] of Object.entries(kinds))
          for (const stoppedMs of stops)
            for (const way of ['close', 'reset'] as const)
              rows.push([
                ...[store, name, way, stoppedMs / 1000, clients],
                await lost(nodes, kind, { stoppedMs, clients, way }),
              ])
      })
  } finally {
    await postgres?.remove()
  }
  return {
    columns: ['store', 'request', 'client', 'stopped (s)', 'sign-ins', 'lost'],
    rows,
    broken: rows.filter(row => row.at(-1) !== 0).map(row => `sign-ins were lost: ${row.join(', ')}`),
  }
}
