/** The cost of Fastify and of the one signature that a JWT requires. */

import { codeExchange } from '../rows/code-exchange.ts'
import { refresh } from '../rows/refresh.ts'
import { peer } from './peer.ts'

const noCredentials = 'does not support codes and refresh tokens'

export const fastify = peer({
  name: 'Fastify + signature',
  note: 'Fastify; parses a form, makes at most one signature and sends a fixed response; authenticates no client',
  script: 'fastify',
  paths: { token: '/token', discovery: '/discovery', jwks: '/jwks' },
  leavesOut: { [codeExchange.name]: noCredentials, [refresh.name]: noCredentials },
})
