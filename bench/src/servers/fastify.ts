/** What our HTTP library costs, and with it the one signature that a JWT can't be without. */

import { codeExchange } from '../rows/code-exchange.ts'
import { refresh } from '../rows/refresh.ts'
import { peer } from './peer.ts'

const noCredentials = 'it knows no codes and no refresh tokens'

export const fastify = peer({
  name: 'Fastify + signature',
  note: 'Fastify; a form parsed, at most one signature, a ready answer; no client is authenticated',
  script: 'fastify',
  paths: { token: '/token', discovery: '/discovery', jwks: '/jwks' },
  leavesOut: { [codeExchange.name]: noCredentials, [refresh.name]: noCredentials },
})
