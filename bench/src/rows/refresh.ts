/**
 * Each connection has a refresh token and sends the one that it got last (RFC 6749 §6, rotation by RFC 9700 §4.14.2).
 */

import { post, refreshForm } from '../load/requests.ts'
import { web } from '../parties.ts'
import { checkUserTokens, proveUserTokens } from './code-exchange.ts'
import type { Row } from './row.ts'
import { parseTokens } from './token-answer.ts'

export const refresh: Row = {
  name: 'refresh with rotation, ES256',
  needs: { kind: 'refresh_token', for: 'each connection' },
  endpoint: 'token',
  work(path, first) {
    // The first token and the next one, of each connection: those must be refused afterwards.
    const begun = new Map<number, { readonly spent: string; rotations: number }>()
    return {
      next(connection, lastBody) {
        const token = lastBody === undefined ? first[connection]! : parseTokens(lastBody).refresh_token!
        const chain = begun.get(connection)
        if (chain) chain.rotations += 1
        else begun.set(connection, { spent: token, rotations: 0 })
        return post(path, web, refreshForm(token))
      },
      check: checkUserTokens(),
      // Otherwise a slow machine would have nothing to try again after a short run.
      atLeast: 3,
      // A server may accept a token again whose successor is unused, so that a lost response does not end the
      // sign-in.
      replays: () =>
        [...begun.values()]
          .filter(({ rotations }) => rotations > 1)
          .map(({ spent }) => post(path, web, refreshForm(spent))),
    }
  },
  prove: proveUserTokens,
}
