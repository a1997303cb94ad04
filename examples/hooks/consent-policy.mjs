// Users are asked for consent when an application wants to make payments.

import { defineConfig } from '@tessera/server'

export default defineConfig({
  storage: 'memory:',
  consentPolicy: ({ scope }) => scope.includes('payments'),
  users: [{ sub: 'p-1', username: 'erin', password: 'only-for-this-example' }],
  clients: [
    {
      client_id: 'web',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['https://app.example/cb'],
      scope: 'openid orders payments',
    },
  ],
  api_scopes: [{ name: 'orders' }, { name: 'payments', display_name: 'Make payments' }],
})
