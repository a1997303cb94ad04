/** A machine asks for a token of its own (RFC 6749 §4.4). */

import assert from 'node:assert/strict'
import { clientCredentialsForm, post } from '../load/requests.ts'
import { api, apiRs256, machine, machineReference, machineRs256, type Party } from '../parties.ts'
import { proveAccessToken } from './proof.ts'
import type { Row } from './row.ts'
import { checkTokens, parseTokens } from './token-answer.ts'

type Case = { readonly client: Party; readonly scope: string; readonly token: 'jwt' | 'reference' }

const row = (name: string, { client, scope, token }: Case, prove: Row['prove']): Row => ({
  name: `client_credentials, ${name}`,
  endpoint: 'token',
  work(path) {
    const request = post(path, client, clientCredentialsForm(scope))
    return { next: () => request, check: checkTokens(token) }
  },
  prove,
})

const jwt = (alg: 'ES256' | 'RS256', client: Party, { scope, audience }: typeof api | typeof apiRs256): Row =>
  row(`JWT ${alg}`, { client, scope, token: 'jwt' }, (body, jwks) =>
    proveAccessToken(parseTokens(body).access_token, jwks, { alg, sub: client.client_id, audience }),
  )

export const clientCredentials: readonly Row[] = [
  jwt('ES256', machine, api),
  jwt('RS256', machineRs256, apiRs256),
  row('reference token', { client: machineReference, scope: api.scope, token: 'reference' }, async body =>
    assert.ok(parseTokens(body).access_token.length >= 40, 'a token with enough randomness'),
  ),
]
