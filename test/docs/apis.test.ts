/** The guide of APIs: its configuration is valid, and its Python accepts access tokens for the API and nothing else. */

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { readText } from '../support/repository.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'

const guide = readText('docs/guides/apis.md')
const blockOf = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(guide)?.[1] ?? assert.fail(language)

const { api_scopes, api_resources } = JSON.parse(blockOf('jsonc'))

const clientOf = (client_id: string, access_token_lifetime: number) => ({
  ...{ client_id, access_token_lifetime, client_secrets: [{ value: 'secret-of-a-client' }] },
  ...{ grant_types: ['client_credentials'], scope: 'orders.read orders.write legacy.read reports.read' },
})

const configuration = {
  api_scopes: [...api_scopes, { name: 'legacy.read' }, { name: 'reports.read' }],
  api_resources: [
    ...api_resources.map(({ api_secrets: _, ...resource }: any) => resource),
    { name: 'urn:shop:legacy', scopes: ['legacy.read'], access_token_typ: 'JWT' },
    { name: 'urn:shop:reports', scopes: ['reports.read'] },
  ],
  clients: [clientOf('worker', 3600), clientOf('hasty', 10)],
}

test('guide of APIs: its configuration is valid, without a warning', () => {
  const outcome = parseConfiguration(
    { issuer, storage: 'memory:', api_scopes, api_resources },
    { environment: { ORDERS_SECRET: 'k'.repeat(44) } },
  )
  assert.ok(outcome.ok, JSON.stringify(outcome))
  assert.deepEqual(outcome.warnings, [])
})

const hasPyJwt = spawnSync('python3', ['-c', 'import jwt, cryptography']).status === 0

test('guide of APIs: the Python code accepts a token for the API, and refuses others', {
  skip: !hasPyJwt && 'python3 with pyjwt and cryptography is not installed',
}, async () => {
  const server = await createTestServer(configuration, { at: Math.floor(Date.now() / 1000) - 20 })
  const tokenOf = async (client: string, scope: string): Promise<string> => {
    const form = { grant_type: 'client_credentials', scope }
    return (await server.token(form, { client: [client, 'secret-of-a-client'] })).json.access_token
  }
  const token = await tokenOf('worker', 'orders.read')
  const cases: readonly (readonly [token: string, outcome: string])[] = [
    [token, 'worker'],
    [await tokenOf('worker', 'orders.read reports.read'), 'worker'],
    [await tokenOf('worker', 'reports.read'), 'InvalidAudienceError'],
    [await tokenOf('hasty', 'orders.read'), 'ExpiredSignatureError'],
    [await tokenOf('worker', 'orders.read legacy.read'), 'InvalidTokenError'],
    [
      token.replace(/\.([\w-])([\w-]+)$/, (_, first, rest) => `.${first === 'A' ? 'B' : 'A'}${rest}`),
      'InvalidSignatureError',
    ],
    [token.replace(/\.[\w-]+$/, '.'), 'InvalidSignatureError'],
    ['x', 'DecodeError'],
  ]
  assert.deepEqual(
    await verify(
      server,
      cases.map(([one]) => one),
    ),
    cases.map(([, outcome]) => outcome),
  )
})

/** Runs the code of the guide for each token; returns the client, or the name of the error. */
async function verify(server: TestServer, tokens: readonly string[]): Promise<readonly string[]> {
  const keys = createServer(async (_, response) => {
    response.end((await server.send('GET', '/.well-known/openid-configuration/jwks')).body)
  })
  await once(keys.listen(0, '127.0.0.1'), 'listening')
  try {
    const { port } = keys.address() as AddressInfo
    const code = blockOf('python')
    const program = `${code.replace('f"{ISSUER}', `f"http://127.0.0.1:${port}`)}
import sys
for token in sys.argv[1:]:
    try:
        print(verify(token)["client_id"])
    except jwt.PyJWTError as error:
        print(type(error).__name__)`
    assert.ok(code.includes('f"{ISSUER}') && code.includes(issuer))
    const { stdout } = await promisify(execFile)('python3', ['-c', program, ...tokens])
    return stdout.trim().split('\n')
  } finally {
    keys.closeAllConnections()
    keys.close()
  }
}
