/**
 * Each connection has a refresh token and sends the one that it got last (RFC 6749 §6, rotation by RFC 9700 §4.14.2).
 */

import { proofOf } from '../load/dpop.ts'
import { post, refreshForm } from '../load/requests.ts'
import { web } from '../parties.ts'
import { checkUserTokens, proveUserTokens } from './code-exchange.ts'
import type { Row } from './row.ts'
import { parseTokens } from './token-answer.ts'

const row = (name: string, { endpoint, type }: Pick<Row, 'endpoint'> & { readonly type?: 'DPoP' }): Row => ({
  name,
  needs: { kind: 'refresh_token', for: 'each connection' },
  endpoint,
  work(path, first, { publicClient }) {
    const client = publicClient === undefined ? web : { client_id: publicClient }
    const request = (connection: number, token: string): string =>
      post(path, client, refreshForm(token), type && proofOf(connection, path))
    // The first token and the next one, of each connection: those must be refused afterwards.
    const begun = new Map<number, { readonly spent: string; rotations: number }>()
    return {
      next(connection, lastBody) {
        const token = lastBody === undefined ? first[connection]! : parseTokens(lastBody).refresh_token!
        const chain = begun.get(connection)
        if (chain) chain.rotations += 1
        else begun.set(connection, { spent: token, rotations: 0 })
        return request(connection, token)
      },
      check: checkUserTokens(type),
      // Otherwise a slow machine would have nothing to try again after a short run.
      atLeast: 3,
      // A server may accept a token again whose successor is unused, so that a lost response does not end the
      // sign-in.
      replays: () =>
        [...begun]
          .filter(([, { rotations }]) => rotations > 1)
          .map(([connection, { spent }]) => request(connection, spent)),
    }
  },
  prove: proveUserTokens,
})

export const refresh = row('refresh with rotation, ES256', { endpoint: 'token' })
export const publicRefresh = row('refresh with rotation, ES256, public client', { endpoint: 'publicToken' })
export const boundRefresh = row('refresh with rotation, ES256, DPoP', { endpoint: 'dpopToken', type: 'DPoP' })
