// A user store of one's own: people of another application sign in here, and stay in its table.
//
//   PEOPLE=people.db npm run -s tessera -- serve --config examples/user-store/tessera.mjs --port 5080
//   curl -s -u direct:direct-secret-of-the-example http://localhost:5080/connect/token \
//     -d grant_type=password -d username=erin --data-urlencode 'password=correct horse battery' -d scope='openid email'
//
// The guide: docs/guides/hooks.md#userstore

import { DatabaseSync } from 'node:sqlite'
import { defineConfig } from '@tessera/server'

// The table exists already in a real application.
const database = new DatabaseSync(process.env.PEOPLE ?? ':memory:')
database.exec(`CREATE TABLE IF NOT EXISTS people (
  id TEXT PRIMARY KEY, login TEXT NOT NULL COLLATE NOCASE UNIQUE, email TEXT COLLATE NOCASE UNIQUE,
  name TEXT, password TEXT, blocked INTEGER NOT NULL DEFAULT 0)`)
database.exec(`INSERT OR IGNORE INTO people (id, login, email, name, password) VALUES ('p-1', 'erin', 'erin@example.com', 'Erin',
  '$argon2id$v=19$m=19456,t=2,p=1$QFI2kcsSJ4QRUh8JP0ZtnA$WAy+6NJZ0i//16L8XhMukyb2t62Yk2arhcZ5yQ5kmNI')`)

// begin: user store
const select = column => database.prepare(`SELECT * FROM people WHERE ${column} = ?`)
const [byId, byLogin, byEmail] = [select('id'), select('login'), select('email')]
const insert = database.prepare(
  'INSERT OR IGNORE INTO people (id, login, email, name, password) VALUES (?, ?, ?, ?, ?)',
)
const update = database.prepare('UPDATE people SET password = ? WHERE id = ?')
const userOf = row =>
  row && {
    sub: row.id,
    username: row.login,
    active: row.blocked === 0,
    claims: { name: row.name ?? undefined, email: row.email, email_verified: row.email !== null },
    password_argon2id: row.password,
  }
const userStore = {
  findBySub: ({ sub }) => userOf(byId.get(sub)),
  findByUsername: ({ username }) => userOf(byLogin.get(username)),
  findByEmail: ({ email }) => userOf(byEmail.get(email)),
  setPassword: ({ sub, password_argon2id }) => update.run(password_argon2id, sub).changes === 1,
  create: ({ sub, username, claims: { email, name }, password_argon2id }) =>
    insert.run(sub, username, email ?? null, name ?? null, password_argon2id).changes === 1,
}
// end

export default defineConfig({
  storage: 'memory:',
  userStore,
  accounts: { sign_up: true },
  mfa: { mode: 'if_enrolled' },
  users: [{ sub: 'admin', username: 'admin', password: 'only-for-this-example' }],
  clients: [
    {
      client_id: 'web',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://app.example/cb'],
      scope: 'openid profile email api1 offline_access',
    },
    {
      client_id: 'direct',
      client_secrets: [{ value: 'direct-secret-of-the-example' }],
      grant_types: ['password', 'refresh_token'],
      scope: 'openid profile email api1 offline_access',
    },
  ],
  api_scopes: [{ name: 'api1' }],
})
