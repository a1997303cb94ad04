// Tokens for payments need the number of a ticket.

import { defineConfig } from '@tessera/server'

export default defineConfig({
  storage: 'memory:',
  validators: {
    tokenRequest({ scope, parameters }) {
      if (!scope.includes('payments')) return { ok: true }
      const ticket = parameters.get('ticket')
      if (!ticket) return { ok: false, description: 'ticket is required for payments' }
      return { ok: true, members: { ticket } }
    },
  },
  clients: [
    {
      client_id: 'shop',
      client_secrets: [{ value: 'shop-secret-of-the-example' }],
      grant_types: ['client_credentials'],
      scope: 'orders payments',
    },
  ],
  api_scopes: [{ name: 'orders' }, { name: 'payments' }],
})
