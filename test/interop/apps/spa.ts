/** Single-page applications: one page and one script, bundled from a browser source beside this file. */

import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type ForeignApp, pageOf } from './app.ts'

/** @param source A file of the folder `browser`; it reads the issuer and its own client id from the page. */
export const createSpa = (client_id: string, source: string): ForeignApp => ({
  client: origin => ({
    client_id,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    // `oidc-spa` uses its home page as redirect URI.
    redirect_uris: [`${origin}/callback`, `${origin}/silent`, `${origin}/`],
    post_logout_redirect_uris: [`${origin}/`],
    scope: 'openid profile offline_access',
    allowed_cors_origins: [origin],
  }),
  async listener({ issuer }) {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL(`./browser/${source}`, import.meta.url))],
      bundle: true,
      write: false,
      format: 'iife',
      jsx: 'automatic',
      define: { 'process.env.NODE_ENV': '"production"' },
      logLevel: 'silent',
    })
    const script = outputFiles[0]!.text
    const attributes = `data-issuer="${issuer}" data-client-id="${client_id}"`
    const page = pageOf('').replace('</main>', `</main><script src="/app.js" ${attributes}></script>`)
    return ({ url }, response) => {
      const isScript = url === '/app.js'
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8')
      response.end(isScript ? script : page)
    }
  },
})
