/**
 * The configuration that most flow tests share: the clients, APIs and users of IdentityServer4's own test suite, in
 * Tessera's terms.
 */

export const secret = 'secret'
const client_secrets = [{ value: secret }]

export const world = {
  api_scopes: [
    { name: 'api1', claims: ['role'] },
    { name: 'api2' },
    { name: 'api3' },
    { name: 'other_api' },
    { name: 'alone' },
  ],
  api_resources: [
    { name: 'urn:api', scopes: ['api1', 'api2', 'api3'], api_secrets: [{ value: 'api-secret' }] },
    { name: 'urn:other', scopes: ['other_api'], api_secrets: [{ value: 'other-secret' }] },
  ],
  identity_resources: [{ name: 'roles', claims: ['role'] }],
  tenants: [{ name: 'acme' }, { name: 'globex' }],
  users: [
    {
      sub: '88421113',
      username: 'bob',
      password: 'bob',
      claims: { name: 'Bob', email: 'bob@example.com', email_verified: true, role: ['admin', 'geek'] },
    },
    { sub: '2', username: 'ina', password: 'ina', active: false, claims: {} },
    { sub: '3', username: 'carol', password: 'carol', tenant: 'acme', claims: { role: 'boss' } },
    { sub: '4', username: 'nopass', claims: {} },
  ],
  clients: [
    {
      client_id: 'client',
      client_secrets,
      grant_types: ['client_credentials', 'refresh_token'],
      scope: 'api1 api2 other_api openid profile offline_access',
      claims: [{ type: 'tier', value: 'gold' }],
    },
    { client_id: 'empty', client_secrets, grant_types: ['client_credentials', 'password'], scope: '' },
    {
      client_id: 'roclient',
      client_secrets,
      grant_types: ['password', 'refresh_token'],
      scope: 'openid email profile roles api1 api2 offline_access',
    },
    {
      client_id: 'onlypassword',
      client_secrets,
      grant_types: ['password'],
      scope: 'api1 openid offline_access',
    },
    {
      client_id: 'web',
      client_secrets,
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://app.example/cb'],
      scope: 'openid profile api1 other_api offline_access',
    },
    {
      client_id: 'device',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      scope: 'openid profile api1 offline_access',
    },
    {
      client_id: 'device2',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      scope: 'api1',
    },
    {
      client_id: 'exchanger',
      client_secrets,
      grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'],
      scope: 'api1 api2 other_api',
    },
  ],
} as const

/** The world with some clients changed or added (by client_id). */
export const withClients = (...changes: readonly { readonly client_id: string }[]) => ({
  ...world,
  clients: [
    ...world.clients.map(client => ({
      ...client,
      ...changes.find(change => change.client_id === client.client_id),
    })),
    ...changes.filter(change => !world.clients.some(client => client.client_id === change.client_id)),
  ],
})
