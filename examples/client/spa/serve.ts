/** Serves the single-page application at http://127.0.0.1:5082, with the library in one bundle. */

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { build } from 'esbuild'

const port = Number(process.env.PORT ?? 5082)
const folder = import.meta.dirname
const { outputFiles } = await build({
  entryPoints: [`${folder}/app.js`],
  bundle: true,
  minify: true,
  format: 'esm',
  write: false,
  // In the repository of the library: from its source.
  conditions: ['tessera-source'],
})
const html = await readFile(`${folder}/index.html`)
const settings = {
  issuer: process.env.ISSUER ?? 'http://localhost:5080',
  api: process.env.API ?? 'http://127.0.0.1:5091',
}

const files: Readonly<Record<string, readonly [type: string, body: string | Uint8Array]>> = {
  '/': ['text/html', html],
  '/callback': ['text/html', html],
  '/app.js': ['text/javascript', outputFiles[0]?.contents ?? ''],
  '/settings.json': ['application/json', JSON.stringify(settings)],
}

const server = createServer((request, response) => {
  const [type, body] = files[new URL(request.url ?? '/', 'http://localhost').pathname] ?? []
  if (type === undefined) return response.writeHead(404).end()
  response.writeHead(200, { 'content-type': type }).end(body)
})
server.listen(port, '127.0.0.1', () => console.log(`application at http://127.0.0.1:${port}`))
