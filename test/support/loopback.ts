/** A server on loopback that tests allow Tessera to fetch from. */

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
  /** The response for each path; other paths get 404. */
  readonly pages: Map<string, Page>
  /** The requested paths. */
  readonly asked: string[]
}

/** The configuration that allows fetching from it. */
export const allowLoopback = { outbound: { allowed_private_networks: ['127.0.0.0/8'] } }

/** Listens until the tests of this file end. */
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
