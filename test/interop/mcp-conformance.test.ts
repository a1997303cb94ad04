/** The Model Context Protocol's own conformance tests of authorization servers, from its package. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort, withServer } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { inTime } from '../support/until.ts'

const program = fileURLToPath(new URL('../../node_modules/.bin/conformance', import.meta.url))
const bob = { username: 'bob', password: 'bob' }
const resource = 'https://mcp.example/mcp'

const configured = {
  api_scopes: [{ name: 'notes:read' }],
  api_resources: [{ name: resource, scopes: ['notes:read'] }],
  users: [{ sub: '1', ...bob, claims: {} }],
  clients: [
    {
      client_id: 'conformance',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/callback'],
      scope: 'notes:read',
    },
  ],
}

/** Runs the command, signs in at the address that it prints, and resolves to its results. */
async function runConformance(issuer: string, version: string) {
  const port = await freePort()
  const child = spawn(process.execPath, [
    ...[program, 'authorization', '--verbose', '--url', issuer, '--client-id', 'conformance'],
    ...['--resource', resource, '--port', String(port), '--spec-version', version],
  ])
  let output = ''
  const signIn = async (address: string) =>
    void (await fetch(await createPerson(issuer, bob).authorize(address)))
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
    for (const version of versions)
      await t.test(version, async () => {
        const { code, output } = await runConformance(url, version)
        assert.equal(code, 0, output)
        assert.match(output, /authorization-server-metadata-endpoint: [12] passed, 0 failed/)
        assert.match(output, /authorization-code-grant: 1 passed, 0 failed/)
      })
  }))
