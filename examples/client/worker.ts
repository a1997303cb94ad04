/** A worker that calls an API with a token of its own. */

import { clientSecretBasic, createAuthorizedFetch, createClient, createTokenCache } from '@tessera/client'

const api = process.env.API ?? 'http://127.0.0.1:5091'
const client = createClient({
  issuer: process.env.ISSUER ?? 'http://localhost:5080',
  client_id: 'machine',
  authentication: clientSecretBasic('secret-of-machine'),
})
const tokens = createTokenCache(client)
const callApi = createAuthorizedFetch(tokens.source({ scope: 'invoices.read' }), { origins: [api] })

// The second request uses the same token.
for (let count = 0; count < 2; count++) {
  const response = await callApi(`${api}/invoices`)
  console.log(response.status, await response.text())
}
