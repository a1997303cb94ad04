/** Nodes on one database, as a load balancer sees them. */

import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { freePort, type RunningServer, serveConfiguration } from '../../support/process.ts'
import { inTime, until } from '../../support/until.ts'
import type { Exchange, History } from './history.ts'

export type Fleet = {
  /** Sends a request to one of the active nodes, or to the given one; records it with its outcome. */
  readonly ask: (request: Asked, node?: number) => Promise<Exchange>
  readonly size: number
  /** SIGKILL, whatever it is doing; then it is started again. */
  readonly kill: (node: number) => Promise<void>
  /**
   * It gets no more requests; once it has responded to those in progress it is stopped, and one of a later version is
   * started.
   */
  readonly upgrade: (node: number) => Promise<void>
  /** Resolves when every node is ready. */
  readonly ready: () => Promise<void>
  readonly close: () => Promise<void>
}

type Asked = {
  readonly kind: Exchange['kind']
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
  /** The credential that the request consumes. */
  readonly uses?: string
}

/** On a suspended or overloaded machine, nodes refuse waiting requests and log it. */
const pressure = /"event":"(?:event_loop_stalled|overloaded)"/

const laterNode = new URL('./later-node.ts', import.meta.url)

export async function startFleet(file: string, ports: readonly number[], history: History): Promise<Fleet> {
  const nodes: RunningServer[] = await Promise.all(ports.map(port => serveConfiguration(file, port)))
  const inTurn = new Set(nodes.keys())
  const underWay = nodes.map(() => 0)

  let closed = false

  const pick = (): number => {
    const open = [...inTurn]
    return open[Math.floor(Math.random() * open.length)] ?? 0
  }

  return {
    size: nodes.length,
    async ask({ kind, path, method = 'POST', headers = {}, form, uses = '' }, node = pick()) {
      if (closed) throw new Error('the fleet is closed')
      underWay[node]! += 1
      const began = history.tick()
      const log = nodes[node]?.log ?? (() => '')
      const sent = { kind, node, uses, began, pressed: () => pressure.test(log()) }
      try {
        const address = `http://localhost:${ports[node]}${path}`
        return history.add({ ...sent, ...(await send(address, { method, headers, ...(form && { form }) })) })
      } catch (error) {
        return history.add({ ...sent, status: 'lost', headers: {}, text: String(error) })
      } finally {
        underWay[node]! -= 1
      }
    },
    async kill(node) {
      const back = history.away(`node ${node}`)
      await nodes[node]?.kill()
      inTurn.delete(node)
      nodes[node] = await serveConfiguration(file, ports[node] ?? 0)
      inTurn.add(node)
      back()
    },
    async upgrade(node) {
      inTurn.delete(node)
      await until('the requests under way at the node end', () => underWay[node] === 0)
      await nodes[node]?.stop()
      nodes[node] = await serveConfiguration(file, ports[node] ?? 0, { program: laterNode })
      inTurn.add(node)
    },
    async ready() {
      for (const port of ports)
        await until(
          `the node on port ${port} is ready`,
          async () => (await send(`http://localhost:${port}/readyz`, { method: 'GET' })).status === 200,
        )
    },
    async close() {
      closed = true
      await Promise.all(nodes.map(node => node.stop()))
    },
  }
}

/**
 * On its own connection: a kept-alive one may be closed by the node as the next request is sent, which is no lost
 * response.
 */
async function send(
  address: string,
  { method, headers = {}, form }: Pick<Asked, 'headers' | 'form'> & { readonly method: string },
): Promise<Pick<Exchange, 'status' | 'headers' | 'text'>> {
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const sending = request(address, { method, agent: false, headers: { ...headers, ...(form && type) } })
  sending.end(form && new URLSearchParams(form).toString())
  const [response] = (await inTime(`${address} answers`, once(sending, 'response'))) as [IncomingMessage]
  return {
    status: response.statusCode ?? 0,
    headers: response.headers as Exchange['headers'],
    text: await text(response),
  }
}

export const freePorts = (count: number): Promise<readonly number[]> =>
  Promise.all(Array.from({ length: count }, freePort))
