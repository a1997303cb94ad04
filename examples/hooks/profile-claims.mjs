// Claims of users come from another system.

import { defineConfig } from '@tessera/server'

const departments = new Map([['p-1', 'sales']])

export default defineConfig({
  storage: 'memory:',
  profile: {
    claims: ({ subject }) => ({ department: departments.get(subject.sub), desk: '4.17' }),
  },
  users: [{ sub: 'p-1', username: 'erin', password: 'only-for-this-example' }],
  clients: [
    {
      client_id: 'direct',
      client_secrets: [{ value: 'direct-secret-of-the-example' }],
      grant_types: ['password'],
      scope: 'openid orders',
    },
  ],
  api_scopes: [{ name: 'orders', claims: ['department'] }],
})
