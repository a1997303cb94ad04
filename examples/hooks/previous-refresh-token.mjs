// Refresh tokens of the server that this one replaces: they are looked up in its table of grants.

import { createHash } from 'node:crypto'
import { defineConfig } from '@tessera/server'

/** Replace it with the table of the old server: hashes of refresh tokens, and their grants. */
export const grants = new Map([
  [
    createHash('sha256').update('the-refresh-token-of-an-old-server').digest('base64'),
    { sub: 'p-1', client_id: 'shop', scope: ['orders'], expires_at: 4_000_000_000 },
  ],
])

export default defineConfig({
  storage: 'memory:',
  previousRefreshToken: ({ refresh_token }) =>
    grants.get(createHash('sha256').update(refresh_token).digest('base64')),
  users: [{ sub: 'p-1', username: 'erin', password: 'only-for-this-example' }],
  clients: [
    {
      client_id: 'shop',
      client_secrets: [{ value: 'only-for-this-example' }],
      grant_types: ['password', 'refresh_token'],
      scope: 'openid orders offline_access',
    },
  ],
  api_scopes: [{ name: 'orders' }],
})
