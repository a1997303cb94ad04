/** The peer with the most similar features. */

import { peer } from './peer.ts'

const opaqueOnly = 'does not verify its own JWT access tokens'

export const oidcProvider = peer({
  name: 'oidc-provider',
  note: 'stores everything in memory, without eviction',
  script: 'oidc-provider',
  paths: {
    token: '/token',
    dpopToken: '/token',
    introspection: '/token/introspection',
    userinfo: '/me',
    discovery: '/.well-known/openid-configuration',
    jwks: '/jwks',
  },
  leavesOut: { 'introspection, JWT': opaqueOnly, 'userinfo, JWT': opaqueOnly },
})
