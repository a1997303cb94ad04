/** Stored users, and the mail that they receive, for tests. */

import assert from 'node:assert/strict'
import type { Mail } from '../../packages/server/src/model/mail.ts'
import { pagesWorld } from './sign-in.ts'
import type { TestServer } from './tessera.ts'

const mail = { from: 'login@id.example', smtp: { host: 'mail.id.example' } }

/** @param accounts The configuration's `accounts`. */
export const accountsWorld = (accounts: object = { sign_up: true }) => ({
  ...pagesWorld,
  mail,
  accounts,
  clients: [
    ...pagesWorld.clients,
    {
      client_id: 'direct',
      client_secrets: [{ value: 's' }],
      grant_types: ['password', 'refresh_token'],
      scope: 'openid profile email api1 offline_access',
    },
  ],
})

export const dora = {
  username: 'Dora',
  password: 'seven purple kettles',
  email: 'dora@example.com',
  emailVerified: true,
  claims: { name: 'Dora D.' },
} as const

export const doraSignsIn = { username: 'dora', password: dora.password, button: 'login' }

/** Adds a user as an operator does; returns their `sub`. */
export async function addUser(server: TestServer, changes: object = {}): Promise<string> {
  const added = await server.accounts.add({ ...dora, ...changes })
  assert.ok(added.ok, JSON.stringify(added))
  return added.value.sub
}

/** The newest mail, with its link as a path. */
export async function newestMail(server: TestServer): Promise<Mail & { readonly path: string }> {
  const newest = (await server.mails()).at(-1)
  assert.ok(newest, 'no mail was sent')
  const url = new URL(newest.link ?? '', server.issuer)
  return { ...newest, path: url.pathname + url.search }
}

/** The response to a password grant. */
export const tokensOf = (server: TestServer, username: string, password: string, changes: object = {}) =>
  server.token(
    { grant_type: 'password', username, password, scope: 'openid email api1 offline_access', ...changes },
    { client: ['direct', 's'] },
  )
