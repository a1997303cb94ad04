// The master key is in Vault Transit, so neither this server nor its backups contain it.

import { defineConfig } from '@tessera/server'
import { vaultTransit } from './vault-transit.mjs'

export default defineConfig({
  storage: 'sqlite:./tessera.db',
  masterKey: vaultTransit({
    address: process.env.VAULT_ADDR ?? 'http://127.0.0.1:8200',
    key: 'tessera',
    tokenFile: process.env.VAULT_TOKEN_FILE ?? '/run/secrets/vault-token',
  }),
  clients: [],
})
