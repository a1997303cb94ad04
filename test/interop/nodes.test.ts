/** Two nodes on one PostgreSQL: any of them can serve any request. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { challenge, verifier } from '../support/issue-code.ts'
import { provideOwnPostgres } from '../support/postgres.ts'
import { freePort, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { until } from '../support/until.ts'
import { secret, world } from '../support/world.ts'

const postgres = provideOwnPostgres()
process.env.TESSERA_MASTER_KEY = randomBytes(32).toString('base64')

const authorization = `Basic ${Buffer.from(`web:${secret}`).toString('base64')}`

const ask = async (url: string, form: Record<string, string>) => {
  const body = new URLSearchParams(form)
  const response = await fetch(`${url}/connect/token`, { method: 'POST', headers: { authorization }, body })
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    ...((await response.json()) as any),
  }
}

const readiness = async (url: string): Promise<number> => (await fetch(`${url}/readyz`)).status

test('nodes: a token of one node is redeemed and refreshed at another; during a database outage both report it', async () => {
  const server = await postgres()
  const ports = [await freePort(), await freePort()] as const
  const issuer = `http://localhost:${ports[0]}`
  const { file, remove } = await writeConfiguration({ ...world, issuer, storage: await server.database() })
  const nodes = await Promise.all(ports.map(port => serveConfiguration(file, port)))
  const [one, two] = nodes.map(({ url }) => url) as [string, string]
  try {
    const jwks = await Promise.all(
      [one, two].map(async url => (await fetch(`${url}/.well-known/openid-configuration/jwks`)).json()),
    )
    assert.deepEqual(jwks[0], jwks[1])

    const back = await createPerson(one, { username: 'bob', password: 'bob' }).authorize(
      `${one}/connect/authorize?${new URLSearchParams({
        client_id: 'web',
        response_type: 'code',
        redirect_uri: 'https://app.example/cb',
        scope: 'openid api1 offline_access',
        code_challenge: challenge,
        code_challenge_method: 'S256',
      })}`,
    )
    const redemption = {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      redirect_uri: 'https://app.example/cb',
      code_verifier: verifier,
    }
    const first = await ask(two, redemption)
    assert.ok(first.refresh_token, JSON.stringify(first))
    const second = await ask(one, { grant_type: 'refresh_token', refresh_token: first.refresh_token })
    assert.ok(second.refresh_token, JSON.stringify(second))
    // A retry of the first at the other node: the same next token.
    const retried = await ask(two, { grant_type: 'refresh_token', refresh_token: first.refresh_token })
    assert.equal(retried.refresh_token, second.refresh_token)
    const userinfo = await fetch(`${two}/connect/userinfo`, {
      headers: { authorization: `Bearer ${second.access_token}` },
    })
    assert.equal(((await userinfo.json()) as any).sub, '88421113')

    await server.stop()
    for (const url of [one, two]) {
      const refused = await ask(url, { grant_type: 'refresh_token', refresh_token: second.refresh_token })
      assert.equal(refused.status, 503)
      assert.match(refused.retryAfter, /^\d+$/)
      assert.equal(await readiness(url), 503)
    }
    await server.start()
    for (const url of [one, two]) assert.equal(await readiness(url), 200)
    const third = await ask(two, { grant_type: 'refresh_token', refresh_token: second.refresh_token })
    assert.ok(third.refresh_token, JSON.stringify(third))

    // A second redemption of the code revokes everything, at every node.
    assert.equal((await ask(one, redemption)).error, 'invalid_grant')
    const revoked = await ask(one, { grant_type: 'refresh_token', refresh_token: third.refresh_token })
    assert.equal(revoked.error, 'invalid_grant')
  } finally {
    await Promise.all(nodes.map(node => node.stop()))
    await remove()
  }
})

test('nodes: after SIGHUP, a client removed at one node is refused at the other too, though its file still contains it', async () => {
  const server = await postgres()
  const ports = [await freePort(), await freePort()] as const
  const shared = { ...world, issuer: `http://localhost:${ports[0]}`, storage: await server.database() }
  const files = [await writeConfiguration(shared), await writeConfiguration(shared)] as const
  const nodes = await Promise.all(ports.map((port, index) => serveConfiguration(files[index]!.file, port)))
  const machine = async (url: string): Promise<number> => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'api1' })
    const basic = `Basic ${Buffer.from(`client:${secret}`).toString('base64')}`
    const answer = await fetch(`${url}/connect/token`, {
      method: 'POST',
      headers: { authorization: basic },
      body,
    })
    await answer.arrayBuffer()
    return answer.status
  }
  const [one, two] = nodes.map(({ url }) => url) as [string, string]
  try {
    assert.deepEqual([await machine(one), await machine(two)], [200, 200])
    const without = { ...shared, clients: world.clients.filter(({ client_id }) => client_id !== 'client') }
    await writeFile(files[0].file, JSON.stringify(without))
    nodes[0]?.process.kill('SIGHUP')
    for (const url of [one, two])
      await until(`the client is unknown at ${url}`, async () => (await machine(url)) === 401)
    await writeFile(files[0].file, JSON.stringify(shared))
    nodes[0]?.process.kill('SIGHUP')
    for (const url of [one, two])
      await until(`the client is back at ${url}`, async () => (await machine(url)) === 200)
  } finally {
    await Promise.all(nodes.map(node => node.stop()))
    await Promise.all(files.map(({ remove }) => remove()))
  }
})
