/** Strangers who use `request_uri` to make this server send requests to somebody else's host (RFC 9101 §10.4). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outbound } from '../../packages/server/src/outbound/outbound.ts'
import { register } from '../support/registering.ts'
import { notes, sealedCallback, sealedRequest, sealing } from '../support/sealed-clients.ts'
import { createTestServer } from '../support/tessera.ts'

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A server with a host that has objects at some addresses, and text at all others. */
async function open() {
  const objects = new Map<string, string>()
  const asked: string[] = []
  const outbound: Outbound = async url => {
    asked.push(String(url))
    const body = objects.get(String(url)) ?? 'nothing of this kind'
    return { ok: true, status: 200, headers: { 'content-type': 'text/plain' }, body }
  }
  const server = await createTestServer(sealing(), { outbound })
  /** Registers a client with these addresses, and returns how its requests are sent from a network. */
  const clientOf = async (...request_uris: readonly string[]) => {
    const { client_id } = (await register(server, { ...notes, request_uris })).json
    for (const uri of request_uris) {
      const claims = { client_id, redirect_uri: sealedCallback, response_type: 'code', scope: 'openid' }
      objects.set(`${uri}/of/${client_id}`, `${encoded({ alg: 'none' })}.${encoded(claims)}.`)
    }
    return {
      objectAt: (uri: string) => objects.get(`${uri}/of/${client_id}`) ?? '',
      ask: (request_uri: string, from: string) =>
        server.send('GET', sealedRequest(client_id, { request_uri }), { from }),
    }
  }
  return { server, asked, objects, clientOf }
}

test('attack: addresses of a host without request objects are fetched five times, then less often, whatever the client, path and port', async () => {
  const { server, asked, clientOf } = await open()
  for (let count = 0; count < 40; count++) {
    const uri = `https://victim.example:${8000 + count}/${count}`
    const { ask } = await clientOf(uri)
    // Addresses of one /48, which can be one customer.
    for (let tries = 0; tries < 3; tries++) await ask(uri, `2001:db8:7:${count}::${tries + 1}`)
  }
  assert.equal(asked.length, 5)
  assert.equal(server.reason(), 'request_uris_too_many_waiting')
  server.clock.advance(1)
  const uri = 'https://victim.example/later'
  const { ask } = await clientOf(uri)
  for (let tries = 0; tries < 10; tries++) await ask(uri, '2001:db8:7::1')
  assert.equal(asked.length, 6)
})

test('request_uri: a client works while strangers name other addresses of its host', async () => {
  const { asked, objects, clientOf } = await open()
  const [own, second] = ['https://shared.example/own', 'https://shared.example/second']
  const client = await clientOf(own, second)
  const [mine, theirs] = ['198.51.100.7', '192.0.2.1']
  objects.set(own, client.objectAt(own))
  assert.match(String((await client.ask(own, mine)).headers.location), /\/login\?/)

  const stranger = await clientOf('https://shared.example/made-up')
  for (let tries = 0; tries < 20; tries++) await stranger.ask('https://shared.example/made-up', theirs)
  assert.equal(asked.length, 6)
  // The address is known, and the other one is named by another network.
  objects.set(second, client.objectAt(second))
  for (const [uri, from] of [
    [own, theirs],
    [second, mine],
  ] as const)
    assert.match(String((await client.ask(uri, from)).headers.location), /\/login\?/)
})

test('request_uri: requests that wait for one response count as one failure', async () => {
  const { asked, objects, clientOf } = await open()
  const own = 'https://client.example/own'
  const client = await clientOf(own)
  const statuses = await Promise.all(
    Array.from({ length: 8 }, () => client.ask(own, '192.0.2.1').then(({ status }) => status)),
  )
  assert.equal(statuses.length, 8)
  assert.equal(asked.length, 1)
  objects.set(own, client.objectAt(own))
  assert.match(String((await client.ask(own, '192.0.2.1')).headers.location), /\/login\?/)
})
