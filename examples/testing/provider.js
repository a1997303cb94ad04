/** The configuration of the identity provider that all tests share. */

export const provider = {
  clients: [
    {
      client_id: 'shop',
      client_secrets: [{ value: 'shop-secret' }],
      // Matches every port of localhost.
      application_type: 'native',
      redirect_uris: ['http://localhost/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'openid profile offline_access orders',
    },
  ],
  api_resources: [{ name: 'https://shop.example/api', scopes: ['orders'] }],
  users: [
    { sub: 'alice', username: 'alice', password: 'wonderland', claims: { name: 'Alice' } },
    { sub: 'bob', username: 'bob', password: 'builder', claims: { name: 'Bob' } },
  ],
}
