/** What no endpoint of ours can pass: the served edge with an answer of a token's size, and nothing done for it. */

import { listen } from '@tessera/server/http/fastify'
import { serveBench } from '../protocol.ts'

const token = { access_token: 'x'.repeat(620), token_type: 'Bearer', expires_in: 3600, scope: 'api1' }
const answer = {
  status: 200,
  headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  body: JSON.stringify(token),
}
const path = '/connect/token'
const routes = [{ path, methods: ['POST'] as const, endpoint: () => answer }]
const { url } = await listen(() => answer, routes, { host: '127.0.0.1', port: 0 })
serveBench(url, async () => [])
