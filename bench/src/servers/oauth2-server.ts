/** A library of grants for Node, without OpenID Connect. */

import { peer } from './peer.ts'

export const oauth2Server = peer({
  name: 'oauth2-server',
  note: '@node-oauth/oauth2-server on node:http; a model in memory, which also signs the JWTs and ID tokens that the library does not support',
  script: 'oauth2-server',
  paths: { token: '/token', userinfo: '/userinfo', jwks: '/jwks' },
  leavesOut: { 'userinfo, JWT': 'does not verify JWTs', JWKS: 'does not publish keys' },
})
