/** The configuration of a new project, as JSONC with comments. */

import { factsOf } from './apps.ts'
import type { Choices } from './arguments.ts'
import type { Secrets } from './secrets.ts'

export function configurationText(choices: Choices, secrets: Secrets): string {
  const { app, store, port } = choices
  const { hasUsers, usesApi } = factsOf[app]
  const sections = [
    `  // The address of this server. Clients and tokens contain it.\n  "issuer": "http://localhost:${port}",`,
    store === 'sqlite'
      ? '  "storage": "sqlite:./data/tessera.db",'
      : '  // The store is the database in TESSERA_STORAGE.',
    ...(hasUsers ? [accounts(secrets)] : []),
    ...(usesApi ? [api] : []),
    `  "clients": [${app === 'none' ? '' : `\n${client(choices, secrets)}\n  `}]`,
  ]
  return `// Every key is described in docs/guides/configuration.md of Tessera. \`npm run check\` checks this file.\n{\n${sections.join('\n\n')}\n}\n`
}

const accounts = ({
  passwordHash,
}: Secrets): string => `  // With "sign_up": true, visitors can create an account.
  "accounts": { "sign_up": false, "email_verification": "off" },
  "users": [
    {
      "sub": "admin",
      "username": "admin",
      // The password is in .env.
      "password_argon2id": ${JSON.stringify(passwordHash)},
      "claims": { "name": "Administrator", "email": "admin@example.com", "email_verified": true }
    }
  ],`

const api = `  "api_scopes": [{ "name": "items.read", "display_name": "Read items" }],
  // The API checks that its name is in the "aud" of an access token.
  "api_resources": [{ "name": "urn:items", "scopes": ["items.read"] }],`

function client({ app, appPort }: Choices, { clientSecretHash }: Secrets): string {
  const url = `http://localhost:${appPort}`
  const secret = `"client_secrets": [{ "sha256": ${JSON.stringify(clientSecretHash)} }],`
  switch (app) {
    case 'express':
      return `    {
      "client_id": "web",
      "client_name": "Web application",
      // The secret is in .env; this is its SHA-256 hash.
      ${secret}
      "grant_types": ["authorization_code", "refresh_token"],
      "redirect_uris": ["${url}/callback"],
      "post_logout_redirect_uris": ["${url}/"],
      "scope": "openid profile email offline_access"
    }`
    case 'spa':
      return `    {
      "client_id": "spa",
      "client_name": "Single-page application",
      // A browser can't keep a secret.
      "token_endpoint_auth_method": "none",
      "grant_types": ["authorization_code", "refresh_token"],
      "redirect_uris": ["${url}/"],
      "post_logout_redirect_uris": ["${url}/"],
      "allowed_cors_origins": ["${url}"],
      "scope": "openid profile email offline_access"
    }`
    default:
      return `    {
      "client_id": "worker",
      "client_name": "Worker",
      // The secret is in .env; this is its SHA-256 hash.
      ${secret}
      "grant_types": ["client_credentials"],
      "scope": "items.read"
    }`
  }
}
