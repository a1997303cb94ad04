/** A machine gets its own token (RFC 6749 §4.4). */

import assert from 'node:assert/strict'
import { proofOf } from '../load/dpop.ts'
import { clientCredentialsForm, post } from '../load/requests.ts'
import { api, apiRs256, machine, machineReference, machineRs256, type Party } from '../parties.ts'
import { type Expected, proveAccessToken } from './proof.ts'
import type { Row } from './row.ts'
import { checkTokens, parseTokens } from './token-answer.ts'

type Case = {
  readonly client: Party
  readonly scope: string
  /** The API that a JWT is for; otherwise a reference token. */
  readonly audience?: string
}

const row = (name: string, { client, scope, audience }: Case, prove: Row['prove']): Row => ({
  name: `client_credentials, ${name}`,
  endpoint: 'token',
  work(path, _, { resourceNamed }) {
    const resource = resourceNamed && audience ? `&resource=${encodeURIComponent(audience)}` : ''
    const request = post(path, client, clientCredentialsForm(scope) + resource)
    return { next: () => request, check: checkTokens(audience ? 'jwt' : 'reference') }
  },
  prove,
})

const jwt = (alg: Expected['alg'], client: Party, { scope, audience }: typeof api | typeof apiRs256): Row =>
  row(`JWT ${alg}`, { client, scope, audience }, (body, jwks) =>
    proveAccessToken(parseTokens(body).access_token, jwks, { alg, sub: client.client_id, audience }),
  )

/** Each request has a new proof (RFC 9449 §5). */
const bound: Row = {
  name: 'client_credentials, JWT ES256, DPoP',
  endpoint: 'dpopToken',
  work(path, _, { resourceNamed }) {
    const resource = resourceNamed ? `&resource=${encodeURIComponent(api.audience)}` : ''
    const form = clientCredentialsForm(api.scope) + resource
    return {
      next: connection => post(path, machine, form, proofOf(connection, path)),
      check: checkTokens('jwt', 'DPoP'),
    }
  },
  prove: (body, jwks) =>
    proveAccessToken(parseTokens(body).access_token, jwks, {
      ...{ alg: 'ES256', sub: machine.client_id, audience: api.audience, isBound: true },
    }),
}

/** By servers of its own, so that their larger JWK Set is in no other row. */
const mlDsa: Row = { ...jwt('ML-DSA-44', machine, api), endpoint: 'mlDsaToken' }

export const clientCredentials: readonly Row[] = [
  jwt('ES256', machine, api),
  jwt('RS256', machineRs256, apiRs256),
  row('reference token', { client: machineReference, scope: api.scope }, async body =>
    assert.ok(parseTokens(body).access_token.length >= 32, 'a token with enough randomness'),
  ),
  bound,
  mlDsa,
]
