/** Requests a token as the client in .env and calls the API with it. */

import process from 'node:process'

process.loadEnvFile('.env')
const { ISSUER, APP_URL, CLIENT_ID, CLIENT_SECRET } = process.env

const issued = await fetch(`${ISSUER}/connect/token`, {
  method: 'POST',
  headers: { authorization: `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}` },
  body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'items.read' }),
})
const { access_token, error } = await issued.json()
if (error) throw new Error(`no token: ${error}`)

const response = await fetch(`${APP_URL}/items`, { headers: { authorization: `Bearer ${access_token}` } })
console.log(response.status, await response.json())
