/** A program that acts on its own behalf: it requests tokens by the client credentials grant (RFC 6749 §4.4). */

import process from 'node:process'
import * as oidc from 'openid-client'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, AUDIENCE } = process.env

const provider = await oidc.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, {
  // Without https only on this machine.
  execute: ISSUER.startsWith('http://localhost') ? [oidc.allowInsecureRequests] : [],
})

let current

/** Returns an access token that is valid for at least a minute more. */
async function accessToken() {
  if (!current || Date.now() > current.expires_at - 60_000) {
    const { access_token, expires_in } = await oidc.clientCredentialsGrant(provider, {
      scope: 'items.read',
      resource: AUDIENCE,
    })
    current = { access_token, expires_at: Date.now() + expires_in * 1000 }
  }
  return current.access_token
}

async function work() {
  const token = await accessToken()
  const [, payload] = token.split('.')
  const { sub, aud, scope, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  console.log(
    `token of ${sub} for ${aud} with scope ${scope}, valid until ${new Date(exp * 1000).toISOString()}`,
  )
}

await work()
const timer = setInterval(() => work().catch(error => console.error(error.message)), 60_000)
process.on('SIGTERM', () => clearInterval(timer))
