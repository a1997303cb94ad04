// Another application checks passwords.

import { defineConfig } from '@tessera/server'

// A real implementation asks that application: fetch('https://people.internal/check', { method: 'POST', body, signal }).
const people = new Map([['erin', { id: 'p-1', password: 'correct horse battery', name: 'Erin' }]])

export default defineConfig({
  storage: 'memory:',
  validators: {
    password: {
      async check({ username, password }) {
        const found = people.get(username.toLowerCase())
        if (found?.password !== password) return { ok: false }
        return { ok: true, sub: found.id, amr: ['pwd'], claims: { name: found.name } }
      },
    },
  },
  users: [{ sub: 'admin', username: 'admin', password: 'only-for-this-example' }],
  clients: [
    {
      client_id: 'direct',
      client_secrets: [{ value: 'direct-secret-of-the-example' }],
      grant_types: ['password'],
      scope: 'openid profile',
    },
  ],
})
