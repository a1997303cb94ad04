/** The peer that does most of the same. */

import { peer } from './peer.ts'

const opaqueOnly = 'it verifies no JWT access tokens of its own'

export const oidcProvider = peer({
  name: 'oidc-provider',
  note: 'everything in memory, nothing forgotten',
  script: 'oidc-provider',
  paths: {
    token: '/token',
    introspection: '/token/introspection',
    userinfo: '/me',
    discovery: '/.well-known/openid-configuration',
    jwks: '/jwks',
  },
  leavesOut: { 'introspection, JWT': opaqueOnly, 'userinfo, JWT': opaqueOnly },
})
