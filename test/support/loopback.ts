/** A server on loopback that tests let Tessera fetch from. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'

type Page = {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

export type Loopback = {
  readonly origin: string
  /** What is answered at each path; another path is answered 404. */
  readonly pages: Map<string, Page>
  /** The paths that were asked for. */
  readonly asked: string[]
}

/** What a configuration says so that it may be fetched from. */
export const allowLoopback = { outbound: { allowed_private_networks: ['127.0.0.0/8'] } }

/** Listens until the tests of this file are done. */
export async function openLoopback(): Promise<Loopback> {
  const pages = new Map<string, Page>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const { status = 200, headers = {}, body } = pages.get(path) ?? { status: 404, body: '' }
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, pages, asked }
}
