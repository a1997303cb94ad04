/** Serves the files of the application. The sign-in happens in the browser, in public/app.js. */

import process from 'node:process'
import express from 'express'

const { ISSUER, CLIENT_ID, APP_URL } = process.env

const app = express()
app.get('/settings.json', (_request, response) => response.json({ authority: ISSUER, client_id: CLIENT_ID }))
app.use('/vendor', express.static('node_modules/oidc-client-ts/dist/browser'))
app.use(
  express.static('public', {
    setHeaders: response =>
      response.set(
        'content-security-policy',
        `default-src 'self'; connect-src 'self' ${new URL(ISSUER).origin}`,
      ),
  }),
)

app.listen(Number(new URL(APP_URL).port), '127.0.0.1', () => console.log(`application at ${APP_URL}`))
