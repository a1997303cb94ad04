/** What no server on Fastify can pass: a form read and an answer of a token's size, and nothing done for it. */

import Fastify from 'fastify'
import { serveBench } from '../protocol.ts'

const answer = JSON.stringify({
  access_token: 'x'.repeat(620),
  token_type: 'Bearer',
  expires_in: 3600,
  scope: 'api1',
})
const form = 'application/x-www-form-urlencoded'
const app = Fastify({ logger: false })
app.removeAllContentTypeParsers()
app.addContentTypeParser(form, { parseAs: 'string' }, (_, body, done) => done(null, body))
app.post('/connect/token', (_, reply) => {
  reply.header('content-type', 'application/json; charset=utf-8').header('cache-control', 'no-store')
  reply.send(answer)
})
serveBench(await app.listen({ host: '127.0.0.1', port: 0 }), async () => [])
