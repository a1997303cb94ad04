/** Fastify alone: fixed responses, and tokens without any work except parsing the form and one signature. */

import { parse } from 'node:querystring'
import Fastify from 'fastify'
import { api, apiRs256, lifetimes, machine, machineReference, machineRs256 } from '../../parties.ts'
import { documentOf } from '../documents.ts'
import { answerBench } from '../protocol.ts'
import { accessClaims, createSigner, handle, type Signer } from '../tokens.ts'

const es256 = createSigner('ES256')
const rs256 = createSigner('RS256')

const jwt = (signer: Signer, client_id: string, at: typeof api | typeof apiRs256): string =>
  signer.jwt('at+jwt', accessClaims(at, { client_id, sub: client_id, scope: at.scope }))

const tokenOf: Readonly<Record<string, () => string>> = {
  [machine.client_id]: () => jwt(es256, machine.client_id, api),
  [machineRs256.client_id]: () => jwt(rs256, machineRs256.client_id, apiRs256),
  [machineReference.client_id]: () => handle(),
}

const app = Fastify({ logger: false, exposeHeadRoutes: false })
app.removeAllContentTypeParsers()
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, body, done) =>
  done(null, parse(body as string)),
)

const json = 'application/json; charset=utf-8'
const jwks = documentOf('jwks', { keys: [es256.jwk, rs256.jwk] })
const metadata = documentOf('discovery', {
  ...{
    issuer: 'http://127.0.0.1',
    token_endpoint: 'http://127.0.0.1/token',
    jwks_uri: 'http://127.0.0.1/jwks',
  },
})
app.get('/discovery', (_, reply) => void reply.header('content-type', json).send(metadata))
app.get('/jwks', (_, reply) => void reply.header('content-type', json).send(jwks))
app.post('/token', (request, reply) => {
  const { scope } = request.body as { scope: string }
  const [client_id = ''] = Buffer.from((request.headers.authorization ?? '').slice(6), 'base64')
    .toString()
    .split(':')
  const access_token = tokenOf[client_id]?.()
  reply
    .header('content-type', json)
    .header('cache-control', 'no-store')
    .send(JSON.stringify({ access_token, token_type: 'Bearer', expires_in: lifetimes.accessToken, scope }))
})

const url = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
answerBench(Number(url.port), kind => Promise.reject(new Error(`there is no ${kind} here`)))
