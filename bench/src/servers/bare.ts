/** The upper limit for any server here: it parses, signs, and responds from memory. */

import { peer } from './peer.ts'

export const bare = peer({
  name: 'bare server',
  note: 'node:http; only parses, signs and responds from memory',
  script: 'bare',
  paths: {
    token: '/token',
    introspection: '/introspect',
    userinfo: '/userinfo',
    discovery: '/discovery',
    jwks: '/jwks',
  },
})
