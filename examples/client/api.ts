/** An API with two routes, each for tokens of its own audience. It runs at http://127.0.0.1:5091. */

import { createServer } from 'node:http'
import { createIssuer } from '@tessera/client'
import { createApiGuard } from '@tessera/client/api'
import { nodeGuard } from '@tessera/client/api/node'

const issuer = createIssuer(process.env.ISSUER ?? 'http://localhost:5080')
const invoicesGuard = createApiGuard(issuer, { audience: 'urn:demo:invoices' })
const reportsGuard = createApiGuard(issuer, { audience: 'urn:demo:reports' })

const invoices = nodeGuard(invoicesGuard, { scope: 'invoices.read' }, (_request, response, access) => {
  response.end(JSON.stringify({ invoices: [{ number: 17, total: 120 }], readBy: access.subject }))
})
const reports = nodeGuard(reportsGuard, { scope: 'reports' }, (_request, response, access) => {
  response.end(JSON.stringify({ report: 'one invoice', madeFor: access.subject, by: access.client_id }))
})

const server = createServer(async (request, response) => {
  // The pages of the single-page application may call the API.
  response.setHeader('access-control-allow-origin', process.env.SPA ?? 'http://127.0.0.1:5082')
  response.setHeader('access-control-expose-headers', 'www-authenticate')
  if (request.method === 'OPTIONS') {
    response.setHeader('access-control-allow-headers', 'authorization').writeHead(204).end()
    return
  }
  response.setHeader('content-type', 'application/json')
  if (request.url === '/invoices') return invoices(request, response)
  if (request.url === '/reports') return reports(request, response)
  response.writeHead(404).end()
})
const port = Number(process.env.PORT ?? 5091)
server.listen(port, '127.0.0.1', () => console.log(`API at http://127.0.0.1:${port}`))
