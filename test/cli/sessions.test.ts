/** Listing and ending sessions beside a running server. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { logoutTokenOf } from '../support/logout-world.ts'
import { freePort, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { authorizePath, pagesWorld } from '../support/sign-in.ts'
import { claimsOf } from '../support/tessera.ts'
import { inTime, until } from '../support/until.ts'
import { tessera } from './tessera.ts'

test('cli: sessions are listed and ended while the server runs, which notifies the clients', async () => {
  const bodies: string[] = []
  const client = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    bodies.push(body)
    response.end()
  }).listen(0, '127.0.0.1')
  await once(client, 'listening')
  const backchannel_logout_uri = `http://127.0.0.1:${(client.address() as AddressInfo).port}/back`
  const { api_scopes, api_resources, tenants, users, clients } = pagesWorld
  const { file, remove } = await writeConfiguration({
    ...{ api_scopes, api_resources, tenants, users },
    storage: 'sqlite:./tessera.db',
    outbound: { allowed_private_networks: ['127.0.0.0/8'] },
    clients: [{ ...clients[0], backchannel_logout_uri }],
  })
  const server = await serveConfiguration(file, await freePort())
  try {
    const person = createPerson(server.url, { username: 'alice', password: 'wonderland' })
    await person.authorize(server.url + authorizePath())
    const listed = await tessera(['sessions', 'list', '--config', file, '--user', '1'])
    assert.equal(listed.code, 0, listed.stderr)
    const [, sid = ''] =
      /^sid=(\S+) sub=1 idp=local created_at=\S+Z last_seen_at=\S+Z expires_at=\S+Z address=\S+ user_agent=".*"$/m.exec(
        listed.stdout,
      ) ?? []
    assert.match(sid, /^[\w-]{22}$/, listed.stdout)
    assert.doesNotMatch(listed.stdout, /hash/)
    const told = once(client, 'request')
    const ended = await tessera(['sessions', 'end', '--config', file, '--sid', sid])
    assert.deepEqual([ended.code, ended.stdout], [0, `ended sid=${sid} sub=1 clients=web\n`])
    await inTime('the client is notified', told)
    await until('the logout token arrives', () => bodies.length > 0)
    assert.equal(claimsOf(logoutTokenOf({ url: '', request: { body: bodies[0]! } })).sid, sid)
    assert.equal((await tessera(['sessions', 'list', '--config', file, '--user', '1'])).stdout, '')
    const again = await tessera(['sessions', 'end', '--config', file, '--user', '1'])
    assert.deepEqual([again.code, again.stderr.includes('no such session')], [1, true])
    await person.authorize(server.url + authorizePath())
    assert.equal(person.signIns(), 2)

    const [, next = ''] =
      /^sid=(\S+)/.exec((await tessera(['sessions', 'list', '--config', file, '--user', '1'])).stdout) ?? []
    assert.notEqual(next, sid)
    const revoked = await tessera(['sessions', 'revoke', '--config', file, '--sid', next])
    assert.deepEqual(
      [revoked.code, revoked.stdout],
      [0, `revoked sid=${next} authorizations=1 clients=web\n`],
      revoked.stderr,
    )
    await person.authorize(server.url + authorizePath())
    assert.equal(person.signIns(), 3)
  } finally {
    await server.stop()
    client.close()
    client.closeAllConnections()
    await remove()
  }
})

test('cli: sessions end requires one of --sid and --user, and list requires a user', async () => {
  for (const words of [
    ['sessions', 'end', '--config', 'x'],
    ['sessions', 'end', '--config', 'x', '--sid', 'a', '--user', 'b'],
    ['sessions', 'list', '--config', 'x'],
  ]) {
    const { code, stdout } = await tessera(words)
    assert.deepEqual([code, stdout], [2, ''])
  }
})
