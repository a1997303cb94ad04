// People who left lose access immediately, even with tokens that they already have.

import { defineConfig } from '@tessera/server'

// A real implementation asks the HR system.
export const left = new Set(['p-2'])

export default defineConfig({
  storage: 'memory:',
  profile: {
    isActive: ({ subject }) => !left.has(subject.sub),
  },
  users: [
    { sub: 'p-1', username: 'erin', password: 'only-for-this-example' },
    { sub: 'p-2', username: 'kim', password: 'only-for-this-example' },
  ],
  clients: [
    {
      client_id: 'direct',
      client_secrets: [{ value: 'direct-secret-of-the-example' }],
      grant_types: ['password', 'refresh_token'],
      scope: 'openid orders offline_access',
    },
  ],
  api_scopes: [{ name: 'orders' }],
})
