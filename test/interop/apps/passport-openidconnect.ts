/** A web application with Express, Passport and passport-openidconnect, which does not support PKCE. */

import express from 'express'
import session from 'express-session'
import { Passport } from 'passport'
import Strategy from 'passport-openidconnect'
import { type ForeignApp, secret, signedIn, signedOut } from './app.ts'

export const passportOpenidconnect: ForeignApp = {
  client: origin => ({
    client_id: 'passport-openidconnect',
    client_secrets: [{ value: secret }],
    redirect_uris: [`${origin}/callback`],
    post_logout_redirect_uris: [`${origin}/`],
    scope: 'openid profile',
    require_pkce: false,
  }),
  async listener({ origin, issuer }) {
    const passport = new Passport()
    passport.use(
      new Strategy(
        {
          issuer,
          authorizationURL: `${issuer}/connect/authorize`,
          tokenURL: `${issuer}/connect/token`,
          userInfoURL: `${issuer}/connect/userinfo`,
          clientID: 'passport-openidconnect',
          clientSecret: secret,
          callbackURL: `${origin}/callback`,
          scope: ['profile'],
          nonce: true,
          skipUserProfile: false,
        },
        (_: string, { displayName }: { displayName: string }, done: (e: null, user: object) => void) =>
          done(null, { name: displayName }),
      ),
    )
    passport.serializeUser((user: object, done: (e: null, user: object) => void) => done(null, user))
    passport.deserializeUser((user: object, done: (e: null, user: object) => void) => done(null, user))
    const app = express()
    app.use(session({ secret, resave: false, saveUninitialized: false }))
    app.use(passport.session())
    app.get('/login', passport.authenticate('openidconnect'))
    app.get('/callback', passport.authenticate('openidconnect', { successRedirect: '/' }))
    app.get('/logout', (request: any, response: any, next: (error: unknown) => void) =>
      request.logout((error: unknown) => {
        if (error) return next(error)
        const query = new URLSearchParams({
          client_id: 'passport-openidconnect',
          post_logout_redirect_uri: `${origin}/`,
        })
        return response.redirect(`${issuer}/connect/endsession?${query}`)
      }),
    )
    app.get('/', (request: any, response: any) =>
      response.send(request.user ? signedIn(request.user.name, '/logout') : signedOut('/login')),
    )
    return app
  },
}
