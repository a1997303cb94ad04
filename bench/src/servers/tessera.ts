/** Tessera as it is served, on the embedded store with full durability. */

import { hash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTessera, parseConfiguration } from '@tessera/server'
import { listen } from '@tessera/server/http/fastify'
import { type Preparation, parties, serveBench } from '../protocol.ts'

const directory = mkdtempSync(join(tmpdir(), 'tessera-bench-'))
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
process.on('SIGTERM', () => process.exit(0))

const secretsOf = (secret: string) => [{ value: secret }]
const { machine, machineRs256, web } = parties
const outcome = parseConfiguration({
  issuer: 'http://127.0.0.1:5080',
  storage: `sqlite:${join(directory, 'bench.db')}`,
  clients: [
    {
      client_id: machine.client_id,
      client_secrets: secretsOf(machine.client_secret),
      grant_types: ['client_credentials'],
      scope: 'api1',
    },
    {
      client_id: machineRs256.client_id,
      client_secrets: secretsOf(machineRs256.client_secret),
      grant_types: ['client_credentials'],
      scope: 'api2',
    },
    {
      client_id: web.client_id,
      client_secrets: secretsOf(web.client_secret),
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [web.redirect_uri],
      scope: 'openid api1 offline_access',
      id_token_signed_response_alg: 'ES256',
    },
    {
      client_id: 'opaque',
      client_secrets: secretsOf(web.client_secret),
      grant_types: ['client_credentials'],
      scope: 'api1',
      access_token_type: 'reference',
    },
  ],
  api_scopes: [{ name: 'api1' }, { name: 'api2' }],
  api_resources: [
    { name: 'urn:api', scopes: ['api1'], api_secrets: secretsOf('api-secret') },
    { name: 'urn:api-rs256', scopes: ['api2'], access_token_signing_alg: 'RS256' },
  ],
  users: [{ sub: '1', username: 'alice', password: 'alice', claims: {} }],
})
if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults))
const tessera = await createTessera(outcome.configuration)
const { url } = await listen(tessera.handle, tessera.routes, { host: '127.0.0.1', port: 0 })

let made = 0
const scope = ['api1', 'offline_access', 'openid']

async function code(): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const value = `tc_bench${++made}`
  const id = `bench-${made}`
  const authorization = {
    ...{
      id,
      client_id: web.client_id,
      sub: '1',
      sid: 'bench',
      scope,
      resources: [],
      idp: 'local',
      amr: ['pwd'],
    },
    ...{ auth_time: now, created_at: now, expires_at: now + 2_592_000 + 3900 },
  }
  const issued = {
    hash: hash('sha256', value, 'base64url'),
    ...{ authorization_id: id, redirect_uri: web.redirect_uri, expires_at: now + 300 },
    ...{ code_challenge: parties.challenge, code_challenge_method: 'S256' },
  }
  await tessera.stores.codes.issue(authorization as never, issued as never)
  return value
}

async function token(client_id: string, form: Record<string, string>): Promise<any> {
  const response = await fetch(`${url}/connect/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id, client_secret: web.client_secret, ...form }),
  })
  return response.json()
}

const refreshToken = async (): Promise<string> =>
  (
    await token(web.client_id, {
      grant_type: 'authorization_code',
      code: await code(),
      redirect_uri: web.redirect_uri,
      code_verifier: parties.verifier,
    })
  ).refresh_token

const makers: Record<Preparation['kind'], () => Promise<string>> = {
  codes: code,
  refresh_tokens: refreshToken,
  opaque_token: async () => (await token('opaque', { grant_type: 'client_credentials' })).access_token,
}

/** No more at once than the store's queue takes. */
const atOnce = 1000

serveBench(url, async ({ kind, count }) => {
  const results: string[] = []
  while (results.length < count) {
    const some = Math.min(atOnce, count - results.length)
    results.push(...(await Promise.all(Array.from({ length: some }, makers[kind]))))
  }
  return results
})
