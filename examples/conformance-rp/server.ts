/** Serves the app: `node examples/conformance-rp/server.ts`. */

import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { createApp } from './app.ts'
import { readSettings } from './settings.ts'

const settings = readSettings(process.env)
const app = await createApp(settings)

async function toRequest(incoming: IncomingMessage): Promise<Request> {
  const chunks: Uint8Array[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  return new Request(new URL(incoming.url ?? '/', settings.baseUrl), {
    method: incoming.method ?? 'GET',
    headers: { cookie: incoming.headers.cookie ?? '' },
    ...(incoming.method === 'POST' && { body: Buffer.concat(chunks) }),
  })
}

const server = createServer(async (incoming, response) => {
  const { status, headers, text } = await app(await toRequest(incoming)).then(async answer => ({
    status: answer.status,
    headers: answer.headers,
    text: await answer.text(),
  }))
  // The log that the suite asks for.
  if (incoming.url?.startsWith('/callback') && text.startsWith('{')) console.log(text)
  response.writeHead(status, Object.fromEntries(headers)).end(text)
})
server.listen(settings.port)
await once(server, 'listening')
console.log(`sign in at ${settings.baseUrl}/start`)
