/** The size of the client library in an application: each entry complete, and a program that uses a small part. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readText } from '../support/repository.ts'
import { bundle } from './bundles.ts'

/** The maximum size of each entry in bytes, minified and compressed with gzip. An entry without a row fails. */
const limits: Readonly<Record<string, number>> = {
  '.': 30_000,
  './api': 16_500,
  './api/express': 2000,
  './api/fastify': 2000,
  './api/fetch': 2000,
  './api/hono': 2000,
  './api/next': 2000,
  './api/node': 2000,
  './browser': 14_000,
  './dpop': 4000,
  './node': 15_000,
}

const { exports: entries } = JSON.parse(readText('packages/client/package.json')) as { exports: object }
const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`

test('sizes: each entry of the client library has a limit, and no limit is without an entry', () => {
  assert.deepEqual(Object.keys(limits).toSorted(), Object.keys(entries).toSorted())
})

for (const entry of Object.keys(entries))
  test(`sizes: the entry ${entry} of the client library is not larger than its limit`, async t => {
    const { size } = await bundle(`export * from '@tessera/client${entry.slice(1)}'`)
    t.diagnostic(`@tessera/client${entry.slice(1)}: ${kilobytes(size)} of ${kilobytes(limits[entry] ?? 0)}`)
    assert.ok(size <= (limits[entry] ?? 0), `${size} bytes`)
  })

const clientCredentials = `
import { clientCredentials, clientSecretBasic, createClient, unwrap } from '@tessera/client'

const client = createClient({
  issuer: 'https://id.example',
  client_id: 'machine',
  authentication: clientSecretBasic('secret'),
})
export const token = async () => unwrap(await clientCredentials(client, { scope: 'api1' })).access_token
`

const singlePage = `
import { createAuthorizedFetch, createClient, createSession, webStorageStore } from '@tessera/client'
import { completeRedirect, signInWithRedirect, tabLock } from '@tessera/client/browser'

const client = createClient({ issuer: 'https://id.example', client_id: 'app' })
const session = createSession(client, { store: webStorageStore(localStorage), lock: tabLock() })
export const send = createAuthorizedFetch(session, { origins: ['https://api.example'] })
export { completeRedirect, session, signInWithRedirect }
`

const api = `
import { createApiGuard } from '@tessera/client/api'
import { fetchGuard } from '@tessera/client/api/fetch'

const guard = createApiGuard('https://id.example', { audience: 'urn:api' })
export default { fetch: fetchGuard(guard, { scope: 'api1' }, () => new Response('hello')) }
`

for (const [what, program, limit] of [
  ['that requests tokens with client credentials', clientCredentials, 6000],
  ['with sign-in by redirect, a session and API requests', singlePage, 19_000],
  ['with the guard of an API', api, 14_700],
] as const)
  test(`sizes: a program ${what} needs at most ${kilobytes(limit)}`, async t => {
    const { size } = await bundle(program)
    t.diagnostic(`a program ${what}: ${kilobytes(size)} of ${kilobytes(limit)}`)
    assert.ok(size <= limit, `${size} bytes`)
  })

test('sizes: a program that requests tokens with client credentials contains no code for anything else', async () => {
  const { files } = await bundle(clientCredentials)
  const own = files.filter(file => file.startsWith('client/')).map(file => file.slice('client/src/'.length))
  const rooms = new Set(own.filter(file => file.includes('/')).map(file => file.split('/')[0]))
  assert.deepEqual([...rooms].toSorted(), ['authentication', 'discovery', 'http', 'token'])
  const functions = [
    ...readText('packages/client/src/client.ts').matchAll(/^export \{[^}]*\} from '\.\/(.*)'$/gm),
  ]
  const parts = functions
    .map(([, file = '']) => file)
    .filter(file => /^(?:token|authentication)\//.test(file))
  const needed = new Set(['authentication/secret.ts', 'token/client-credentials.ts', 'token/request.ts'])
  // Some constants are next to functions that are not needed.
  const constants = new Set(['token/token-types.ts'])
  const used = own.filter(file => parts.includes(file) && !constants.has(file))
  assert.deepEqual(new Set(used), needed)
})

test('sizes: an import that is not used adds nothing, because no module has side effects', async () => {
  const { files } = await bundle(
    `import '@tessera/client'\nimport { unwrap } from '@tessera/client'\nexport { unwrap }`,
  )
  assert.deepEqual(files, ['client/src/result.ts'])
})
