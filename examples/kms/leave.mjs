// Back from Vault Transit to a key in TESSERA_MASTER_KEY: run "tessera keys rotate-master" with this file.

import { defineConfig } from '@tessera/server'
import { vaultTransit } from './vault-transit.mjs'

export default defineConfig({
  storage: 'sqlite:./tessera.db',
  masterKeyPrevious: vaultTransit({
    address: process.env.VAULT_ADDR ?? 'http://127.0.0.1:8200',
    key: 'tessera',
    tokenFile: process.env.VAULT_TOKEN_FILE ?? '/run/secrets/vault-token',
  }),
  clients: [],
})
