/** A library of grants for Node, without OpenID Connect. */

import { peer } from './peer.ts'

export const oauth2Server = peer({
  name: 'oauth2-server',
  note: '@node-oauth/oauth2-server on node:http; its model in memory, which also signs the JWTs and ID tokens that the library knows nothing of',
  script: 'oauth2-server',
  paths: { token: '/token', userinfo: '/userinfo', jwks: '/jwks' },
  leavesOut: { 'userinfo, JWT': 'it verifies no JWTs', JWKS: 'the library publishes no keys' },
})
