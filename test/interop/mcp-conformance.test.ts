/** The Model Context Protocol's own conformance tests of authorization servers, from its package. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort, withServer } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { inTime, until } from '../support/until.ts'

const program = fileURLToPath(new URL('../../node_modules/.bin/conformance', import.meta.url))
const bob = { username: 'bob', password: 'bob' }
const resource = 'https://mcp.example/mcp'

/** Of an issuer: the server's own, or that of a tenant below its path. */
const issuerSettings = {
  registration: { metadata_documents: { mode: 'open' } },
  // The tool sends no secret, even if it has one, to a server that also lists `none`.
  clients: [
    {
      client_id: 'conformance',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/callback'],
      scope: 'notes:read',
    },
  ],
}

const configured = {
  ...issuerSettings,
  api_scopes: [{ name: 'notes:read' }],
  api_resources: [{ name: resource, scopes: ['notes:read'] }],
  tenants: [{ name: 'acme', issuer: 'path', ...issuerSettings }],
  users: [
    { sub: '1', ...bob, claims: {} },
    { sub: '2', ...bob, claims: {}, tenant: 'acme' },
  ],
}

/** Runs the command, signs in at the address that it prints, and resolves to its results. */
async function runConformance(server: string, issuer: string, version: string) {
  const port = await freePort()
  const child = spawn(process.execPath, [
    ...[program, 'authorization', '--verbose', '--url', issuer, '--client-id', 'conformance'],
    ...['--resource', resource, '--port', String(port), '--spec-version', version],
  ])
  let output = ''
  const signIn = async (address: string) => {
    const callback = await createPerson(server, bob).authorize(address)
    // It prints the address before it listens for the callback.
    await until('the conformance test listens', () =>
      fetch(callback).catch(error => {
        if (error.cause?.code !== 'ECONNREFUSED') throw error
      }),
    )
  }
  const signedIn = new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', text => {
      const before = output
      output += text
      const address = /^http\S+\/connect\/authorize\?\S+$/m
      const found = address.exec(output)
      if (found && !address.test(before)) signIn(found[0]).then(resolve, reject)
    })
    child.once('close', () => reject(new Error(`it never asked for a sign-in: ${output}`)))
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    output += text
  })
  const ended = once(child, 'close')
  try {
    await inTime('the conformance test asks for a sign-in', signedIn)
    const [code] = await inTime('the conformance test ends', ended)
    return { code, output }
  } finally {
    child.kill()
  }
}

const versions = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28']

test('mcp conformance: metadata and the authorization code grant pass for every version of the protocol', t =>
  withServer(configured, async ({ url }) => {
    for (const [issuer, version] of [
      ...versions.map(version => [url, version] as const),
      // RFC 8414 §3.1: the well-known path is inserted before that of the issuer.
      [`${url}/t/acme`, '2026-07-28'] as const,
    ])
      await t.test(`${version}, ${new URL(issuer).pathname}`, async () => {
        const { code, output } = await runConformance(url, issuer, version)
        assert.equal(code, 0, output)
        assert.match(output, /authorization-server-metadata-endpoint: [12] passed, 0 failed/)
        assert.match(output, /authorization-code-grant: 1 passed, 0 failed/)
        assert.doesNotMatch(output, /"status": "(?:FAILURE|WARNING|SKIPPED)"/)
      })
  }))
