/** A web application with Express and express-openid-connect: code with PKCE by form post. */

import express from 'express'
import { auth } from 'express-openid-connect'
import { MemoryStore } from 'express-session'
import { type ForeignApp, secret, signedIn, signedOut } from './app.ts'

export const expressOpenidConnect: ForeignApp = {
  client: origin => ({
    client_id: 'express-openid-connect',
    client_secrets: [{ value: secret }],
    redirect_uris: [`${origin}/callback`],
    post_logout_redirect_uris: [origin],
    backchannel_logout_uri: `${origin}/backchannel-logout`,
    scope: 'openid profile',
  }),
  async listener({ origin, issuer }) {
    const app = express()
    app.use(
      auth({
        issuerBaseURL: issuer,
        baseURL: origin,
        clientID: 'express-openid-connect',
        clientSecret: secret,
        secret,
        authRequired: false,
        idpLogout: true,
        backchannelLogout: { store: new MemoryStore() },
        authorizationParams: { response_type: 'code', scope: 'openid profile' },
      }),
    )
    app.get('/', async (request: any, response: any) => {
      if (!request.oidc.isAuthenticated()) return response.send(signedOut('/login'))
      const { name } = await request.oidc.fetchUserInfo()
      return response.send(signedIn(name, '/logout'))
    })
    return app
  },
}
