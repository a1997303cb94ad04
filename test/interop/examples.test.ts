import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort, serveConfiguration } from '../support/process.ts'
import { claimsOf } from '../support/tessera.ts'

test('examples/custom-grant: a ticket is exchanged for a token once', async () => {
  const file = fileURLToPath(new URL('../../examples/custom-grant/tessera.mjs', import.meta.url))
  const server = await serveConfiguration(file, await freePort())
  try {
    const ask = async (ticket: string): Promise<any> => {
      const response = await fetch(`${server.url}/connect/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from('turnstile:turnstile-secret').toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'urn:example:ticket', ticket }),
      })
      return response.json()
    }
    const { access_token, scope } = await ask('row-7-seat-12')
    assert.equal(scope, 'enter')
    const { sub, gate, aud, amr } = claimsOf(access_token)
    assert.deepEqual(
      { sub, gate, aud, amr },
      { sub: 'guest-12', gate: 'north', aud: 'urn:example:stadium', amr: ['ticket'] },
    )
    assert.equal((await ask('row-7-seat-12')).error, 'invalid_grant')
    assert.deepEqual(await ask('row-1-seat-1'), {
      error: 'invalid_grant',
      error_description: 'no such ticket',
    })
  } finally {
    await server.stop()
  }
})
