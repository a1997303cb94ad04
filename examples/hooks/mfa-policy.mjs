// One application requires a second factor.

import { defineConfig } from '@tessera/server'

const client = client_id => ({
  client_id,
  token_endpoint_auth_method: 'none',
  redirect_uris: ['https://app.example/cb'],
  scope: 'openid',
})

export default defineConfig({
  storage: 'memory:',
  mfa: { mode: 'if_enrolled' },
  mfaPolicy: ({ client_id }) => (client_id === 'payroll' ? { mode: 'required' } : undefined),
  users: [{ sub: 'p-1', username: 'erin', password: 'only-for-this-example' }],
  clients: [client('web'), client('payroll')],
})
