/** Fastify alone: ready answers, and tokens with nothing done for them but the parsing of the form and one signature. */

import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { parse } from 'node:querystring'
import Fastify from 'fastify'
import { api, apiRs256, lifetimes, machine, machineReference, machineRs256 } from '../../parties.ts'
import { answerBench } from '../protocol.ts'

const base64url = (text: string): string => Buffer.from(text).toString('base64url')
const pairs = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
type Algorithm = keyof typeof pairs

const tokenOf: Readonly<Record<string, () => string>> = {
  [machine.client_id]: () => jwt('ES256', machine.client_id, api),
  [machineRs256.client_id]: () => jwt('RS256', machineRs256.client_id, apiRs256),
  [machineReference.client_id]: () => randomBytes(32).toString('base64url'),
}

function jwt(alg: Algorithm, client_id: string, { audience, scope }: typeof api | typeof apiRs256): string {
  const iat = Math.floor(Date.now() / 1000)
  const claims = {
    ...{ iss: 'http://127.0.0.1', sub: client_id, aud: audience, client_id, scope },
    ...{ iat, exp: iat + lifetimes.accessToken, jti: randomBytes(16).toString('base64url') },
  }
  const input = `${base64url(`{"alg":"${alg}","typ":"at+jwt","kid":"${alg}"}`)}.${base64url(JSON.stringify(claims))}`
  const signature = sign('sha256', Buffer.from(input), {
    key: pairs[alg].privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return `${input}.${signature.toString('base64url')}`
}

const app = Fastify({ logger: false, exposeHeadRoutes: false })
app.removeAllContentTypeParsers()
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, body, done) =>
  done(null, parse(body as string)),
)

const json = 'application/json; charset=utf-8'
const jwks = JSON.stringify({
  keys: Object.entries(pairs).map(([alg, { publicKey }]) => ({
    ...publicKey.export({ format: 'jwk' }),
    alg,
    kid: alg,
  })),
})
/** As long as Tessera's own. */
const metadata = JSON.stringify({
  ...{
    issuer: 'http://127.0.0.1',
    token_endpoint: 'http://127.0.0.1/token',
    jwks_uri: 'http://127.0.0.1/jwks',
  },
  padding: createHash('sha512').update('tessera').digest('hex').repeat(20),
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
