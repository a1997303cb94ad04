/**
 * A gateway at http://127.0.0.1:5092: it accepts the tokens of users, and exchanges them for tokens that the API behind
 * it accepts (RFC 8693).
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  clientSecretBasic,
  createAuthorizedFetch,
  createClient,
  createIssuer,
  exchangeToken,
  type TokenSource,
  tokenTypes,
} from '@tessera/client'
import { type Access, createApiGuard } from '@tessera/client/api'
import { nodeGuard } from '@tessera/client/api/node'

const api = process.env.API ?? 'http://127.0.0.1:5091'
const issuer = createIssuer(process.env.ISSUER ?? 'http://localhost:5080')
const client = createClient({
  issuer,
  client_id: 'worker',
  authentication: clientSecretBasic('secret-of-worker'),
})
const guard = createApiGuard(issuer, { audience: 'urn:demo:invoices' })

/** Returns the source of tokens for one user: the token of the request, exchanged. */
function tokensFor(subject_token: string): TokenSource {
  const exchange = () =>
    exchangeToken(client, { subject_token, subject_token_type: tokenTypes.accessToken }, { scope: 'reports' })
  return { client, accessToken: exchange, renew: exchange }
}

async function forward(_request: IncomingMessage, response: ServerResponse, access: Access): Promise<void> {
  const callApi = createAuthorizedFetch(tokensFor(access.token), { origins: [api] })
  const result = await callApi(`${api}/reports`)
  response.writeHead(result.status, { 'content-type': 'application/json' }).end(await result.text())
}

const report = nodeGuard(guard, { scope: 'invoices.read' }, forward)

const server = createServer((request, response) => {
  report(request, response).catch(error => {
    console.error(error.message)
    response.writeHead(502).end()
  })
})
const port = Number(process.env.PORT ?? 5092)
server.listen(port, '127.0.0.1', () => console.log(`gateway at http://127.0.0.1:${port}`))
