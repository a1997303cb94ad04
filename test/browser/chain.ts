/**
 * A client whose callback redirects further: to another origin once, twice, or to an application's private-use scheme.
 */

import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'

export const chains = ['once', 'twice', 'scheme'] as const
export type Chain = (typeof chains)[number]

export type ChainingClient = {
  /** Its addresses for the response to an authorization request and for the end of a sign-out. */
  readonly callback: (chain: Chain) => string
  readonly bye: (chain: Chain) => string
  /** Acts, and resolves with the query that arrives at the end of the chain. */
  readonly arrival: (page: Page, chain: Chain, act: () => Promise<unknown>) => Promise<URLSearchParams>
  readonly close: () => void
}

export async function startChainingClient(): Promise<ChainingClient> {
  const third = await listen((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end('<!doctype html><html lang="en"><title>Arrived</title><h1>Arrived</h1>')
  })
  const second = await listen((request, response) => {
    response.writeHead(302, { location: `${third.origin}/done${searchOf(request.url)}` }).end()
  })
  const ends = {
    once: `${third.origin}/done`,
    twice: `${second.origin}/next`,
    scheme: 'com.example.app://done',
  } as const
  const first = await listen(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const chain = chains.find(name => request.url?.split('?')[0]?.endsWith(`/${name}`)) ?? 'once'
    const query = request.method === 'POST' ? `?${body}` : searchOf(request.url)
    response.writeHead(303, { location: ends[chain] + query }).end()
  })
  return {
    callback: chain => `${first.origin}/cb/${chain}`,
    bye: chain => `${first.origin}/bye/${chain}`,
    async arrival(page, chain, act) {
      const end = chain === 'scheme' ? ends.scheme : `${third.origin}/done`
      // No program on this machine opens a private-use scheme: it is enough that the browser requests it.
      const arriving = page.waitForRequest(request => request.url().startsWith(end), { timeout: 20_000 })
      const [arrived] = await Promise.all([arriving, act()])
      if (chain !== 'scheme') await page.getByRole('heading', { name: 'Arrived' }).waitFor()
      return new URLSearchParams(searchOf(arrived.url()))
    },
    close: () => {
      for (const { close } of [first, second, third]) close()
    },
  }
}

const searchOf = (url = ''): string => (url.includes('?') ? url.slice(url.indexOf('?')) : '')

async function listen(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
