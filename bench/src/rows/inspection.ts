/**
 * A token is inspected: by the client that it was issued to (RFC 7662), and by its holder (OpenID Connect Core 1.0
 * §5.3).
 */

import assert from 'node:assert/strict'
import { getWithToken, post } from '../load/requests.ts'
import { user, web, webReference } from '../parties.ts'
import { type Row, wrong } from './row.ts'

const introspection = (what: string, kind: 'reference_token' | 'jwt'): Row => ({
  name: `introspection, ${what}`,
  needs: { kind, for: 'all' },
  endpoint: 'introspection',
  work(path, [token]) {
    const client = kind === 'jwt' ? web : webReference
    const request = post(path, client, `token=${token}`)
    return {
      next: () => request,
      check(body) {
        const { active, sub, client_id } = JSON.parse(body)
        const right = active === true && sub === user.sub && client_id === client.client_id
        return right ? undefined : wrong('not the token that was asked about', body)
      },
    }
  },
  async prove(body) {
    const { scope, exp } = JSON.parse(body)
    assert.match(scope, /\bopenid\b/)
    assert.ok(exp * 1000 > Date.now())
  },
})

const userinfo = (what: string, kind: 'reference_token' | 'jwt'): Row => ({
  name: `userinfo, ${what}`,
  needs: { kind, for: 'all' },
  endpoint: 'userinfo',
  work(path, [token]) {
    const request = getWithToken(path, token!)
    return {
      next: () => request,
      check(body) {
        const { sub, name } = JSON.parse(body)
        return sub === user.sub && name === user.name ? undefined : wrong('not the user', body)
      },
    }
  },
  prove: async () => {},
})

export const inspection: readonly Row[] = [
  introspection('reference token', 'reference_token'),
  userinfo('reference token', 'reference_token'),
  introspection('JWT', 'jwt'),
  userinfo('JWT', 'jwt'),
]
