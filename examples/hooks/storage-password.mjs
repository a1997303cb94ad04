// The password of the database is in a file that another program renews.

import { readFile } from 'node:fs/promises'
import { defineConfig } from '@tessera/server'

const file = process.env.DATABASE_PASSWORD_FILE ?? '/run/secrets/database'

export default defineConfig({
  storage: 'postgres://tessera@localhost/tessera',
  storagePassword: async ({ signal }) => (await readFile(file, { encoding: 'utf8', signal })).trim(),
  clients: [],
})
