// Writes an audit log: who got tokens for which application.

import { appendFile } from 'node:fs/promises'
import { defineConfig } from '@tessera/server'

const file = process.env.AUDIT_LOG ?? 'audit.log'

export default defineConfig({
  storage: 'memory:',
  events: {
    async 'token.issued'({ timestamp, data: { client_id, grant_type, sub } }) {
      await appendFile(file, `${timestamp} ${client_id} ${grant_type} ${sub ?? client_id}\n`)
    },
    'token.refused'({ data: { client_id, reason } }) {
      console.error(`${client_id} was refused: ${reason}`)
    },
  },
  clients: [
    {
      client_id: 'shop',
      client_secrets: [{ value: 'shop-secret-of-the-example' }],
      grant_types: ['client_credentials'],
      scope: 'orders',
    },
  ],
  api_scopes: [{ name: 'orders' }],
})
