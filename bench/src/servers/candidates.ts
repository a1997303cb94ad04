/** The servers that the rows are measured on, the upper limits last. */

import { bare } from './bare.ts'
import { betterAuthProvider } from './better-auth.ts'
import { fastify } from './fastify.ts'
import { oauth2Server } from './oauth2-server.ts'
import { oidcProvider } from './oidc-provider.ts'
import type { Candidate } from './server.ts'
import { tessera } from './tessera.ts'

export const candidates: readonly Candidate[] = [
  tessera,
  oidcProvider,
  oauth2Server,
  betterAuthProvider,
  fastify,
  bare,
]
