// A custom provider: staff sign in with acr_values=idp:staff, everybody else as a local user.

import { defineConfig } from '@tessera/server'

const staff = new Map([['kim', { number: 7, pin: '8250 1734' }]])

export default defineConfig({
  storage: 'memory:',
  identity_providers: [
    {
      name: 'staff',
      display_name: 'Staff',
      credentialAuthority: {
        check({ username, password }) {
          const found = staff.get(username)
          return found?.pin === password
            ? { ok: true, sub: `staff-${found.number}`, amr: ['pin'] }
            : { ok: false }
        },
      },
    },
  ],
  users: [{ sub: 'p-1', username: 'erin', password: 'only-for-this-example' }],
  clients: [
    {
      client_id: 'direct',
      client_secrets: [{ value: 'direct-secret-of-the-example' }],
      grant_types: ['password'],
      scope: 'openid',
    },
  ],
})
