// A partner's assertions name people by their email address.

import { defineConfig, jwtBearer } from '@tessera/server'

const subs = new Map([['erin@partner.example', 'p-1']])
// The partner's public keys: {"keys":[{"kty":"EC",…}]}
const jwks = JSON.parse(process.env.PARTNER_JWKS ?? '{"keys":[]}')

export default defineConfig({
  storage: 'memory:',
  grants: [
    jwtBearer({
      issuers: [{ issuer: 'https://partner.example', jwks }],
      subject: ({ email }) => subs.get(email),
    }),
  ],
  users: [{ sub: 'p-1', username: 'erin' }],
  clients: [
    {
      client_id: 'partner',
      client_secrets: [{ value: 'partner-secret-of-the-example' }],
      grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
      scope: 'orders',
    },
  ],
  api_scopes: [{ name: 'orders' }],
})
