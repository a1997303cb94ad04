/** The servers of the row with ML-DSA-44 (RFC 9964): two of the others, whose access tokens are signed with it. */

import { api, machine } from '../parties.ts'
import type { Paths } from '../rows/row.ts'
import { oidcProvider } from './oidc-provider.ts'
import { peer } from './peer.ts'
import type { Candidate } from './server.ts'
import { startTessera, tessera } from './tessera.ts'
import { machineClient } from './tessera-configuration.ts'

const pathsOf = ({ paths: { token, jwks } }: Candidate): Paths => ({ token, mlDsaToken: token, jwks })
const tesseraPaths = pathsOf(tessera)
const alg = 'ML-DSA-44'

export const mlDsaCandidates: readonly Candidate[] = [
  {
    ...tessera,
    paths: tesseraPaths,
    start: async ({ cores = 'server' } = {}) => ({
      ...(await startTessera({
        cores,
        configuration: {
          signature_algorithms: ['ES256', alg],
          clients: [machineClient(machine, api.scope)],
          api_resources: [{ name: api.audience, scopes: [api.scope], access_token_signing_alg: alg }],
          users: [],
        },
      })),
      paths: tesseraPaths,
    }),
  },
  peer({
    name: oidcProvider.name,
    note: oidcProvider.note,
    script: 'oidc-provider',
    env: { BENCH_ACCESS_TOKEN_ALG: alg },
    paths: pathsOf(oidcProvider),
  }),
]
