// Employees sign in at another provider. This table maps them to local users.

import { defineConfig } from '@tessera/server'

const employees = new Map([['e-17', 'p-1']])

export default defineConfig({
  storage: 'memory:',
  federation: {
    // Null refuses the user.
    subject: ({ provider, id }) => (provider === 'corp' ? (employees.get(id) ?? null) : undefined),
  },
  identity_providers: [
    {
      name: 'corp',
      type: 'oidc',
      issuer: 'https://corp.example',
      client_id: 'tessera',
      client_secret: 'secret-of-the-example',
    },
  ],
  users: [{ sub: 'p-1', username: 'erin' }],
  clients: [
    {
      client_id: 'web',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['https://app.example/cb'],
      scope: 'openid',
    },
  ],
})
