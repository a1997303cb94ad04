/** A framework for accounts with an OAuth 2.1 provider as a plugin. */

import { peer } from './peer.ts'

export const betterAuthProvider = peer({
  name: 'better-auth',
  note: '@better-auth/oauth-provider on node:http; SQLite in memory',
  script: 'better-auth',
  paths: {
    token: '/oauth2/token',
    introspection: '/oauth2/introspect',
    userinfo: '/oauth2/userinfo',
    discovery: '/.well-known/openid-configuration',
    jwks: '/jwks',
    resourceNamed: true,
  },
})
