// The gateway may exchange tokens of the shop, and no others.

import { defineConfig, tokenExchange } from '@tessera/server'

const policy = ({ request, subject }) =>
  request.client.client_id === 'gateway' && subject.client_id === 'shop'

const client = (client_id, grant_type) => ({
  client_id,
  client_secrets: [{ value: `${client_id}-secret-of-the-example` }],
  grant_types: [grant_type],
  scope: 'orders',
})
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'

export default defineConfig({
  storage: 'memory:',
  grants: [tokenExchange({ policy })],
  clients: [client('shop', 'client_credentials'), client('gateway', exchange), client('reports', exchange)],
  api_scopes: [{ name: 'orders' }],
})
