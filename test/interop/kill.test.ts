import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createProver } from '../support/dpop.ts'
import { challenge, verifier } from '../support/issue-code.ts'
import { providePostgres } from '../support/postgres.ts'
import { freePort, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { secret, world } from '../support/world.ts'

const authorization = `Basic ${Buffer.from(`web:${secret}`).toString('base64')}`

test('kill -9 between requests loses no refresh token, code, key or session', async () => {
  const { file, remove } = await writeConfiguration({ ...world, storage: 'sqlite:./tessera.db' })
  const port = await freePort()
  let server = await serveConfiguration(file, port)
  const restart = async (): Promise<void> => {
    await server.kill()
    server = await serveConfiguration(file, port)
  }
  try {
    const { url } = server
    const person = createPerson(url, { username: 'bob', password: 'bob' })
    const address = `${url}/connect/authorize?${new URLSearchParams({
      client_id: 'web',
      response_type: 'code',
      redirect_uri: 'https://app.example/cb',
      scope: 'openid api1 offline_access',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    })}`
    const ask = async (form: Record<string, string>) =>
      (
        await fetch(`${url}/connect/token`, {
          method: 'POST',
          headers: { authorization },
          body: new URLSearchParams(form),
        })
      ).json() as any
    const redeem = (back: URL) =>
      ask({
        grant_type: 'authorization_code',
        code: back.searchParams.get('code')!,
        redirect_uri: 'https://app.example/cb',
        code_verifier: verifier,
      })
    const back = await person.authorize(address)
    const keys = await (await fetch(`${url}/.well-known/openid-configuration/jwks`)).json()
    await restart()
    const first = await redeem(back)
    assert.ok(first.refresh_token, JSON.stringify(first))
    await restart()
    const second = await ask({ grant_type: 'refresh_token', refresh_token: first.refresh_token })
    assert.ok(second.refresh_token, JSON.stringify(second))
    await restart()
    const third = await ask({ grant_type: 'refresh_token', refresh_token: second.refresh_token })
    assert.ok(third.refresh_token, JSON.stringify(third))
    assert.deepEqual(await (await fetch(`${url}/.well-known/openid-configuration/jwks`)).json(), keys)
    assert.ok((await person.authorize(address)).searchParams.get('code'))
    assert.equal(person.signIns(), 1)
    assert.equal((await redeem(back)).error, 'invalid_grant')
  } finally {
    await server.stop()
    await remove()
  }
})

process.env.TESSERA_MASTER_KEY = randomBytes(32).toString('base64')
const postgres = providePostgres()

for (const [name, storageOf] of [
  ['SQLite', async () => 'sqlite:./tessera.db'],
  ['PostgreSQL', async () => (await postgres()).database()],
] as const)
  test(`kill -9 forgets no used DPoP proof, and a device gets its lost response again, on ${name} [RFC 9449 §11.1]`, async () => {
    const { file, remove } = await writeConfiguration({
      ...world,
      storage: await storageOf(),
      // A restart may take long on a busy machine.
      clients: world.clients.map(client => ({
        ...client,
        ...(client.client_id === 'device' && { refresh_token_retry_window: 300 }),
      })),
    })
    const port = await freePort()
    let server = await serveConfiguration(file, port)
    try {
      const { url } = server
      const prover = await createProver()
      const at = () => Math.floor(Date.now() / 1000)
      const proof = (path: string, more: object = {}) =>
        prover.proof({ at: at(), ...more, claims: { htu: url + path } })
      const send = async (path: string, dpop: string, form: Record<string, string>) => {
        const method = { method: 'POST', body: new URLSearchParams(form) }
        const response = await fetch(url + path, { ...method, headers: { dpop } })
        return { status: response.status, json: (await response.json()) as any }
      }
      const confidential = { client_id: 'web', client_secret: secret }
      const pushed = {
        ...confidential,
        ...{ response_type: 'code', redirect_uri: 'https://app.example/cb', scope: 'openid' },
        ...{ code_challenge: challenge, code_challenge_method: 'S256' },
      }
      const started = await send('/connect/deviceauthorization', proof('/'), { client_id: 'device' })
      const person = createPerson(url, { username: 'bob', password: 'bob' })
      await person.connectDevice(started.json.verification_uri_complete)
      const polled = {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        ...{ client_id: 'device', device_code: started.json.device_code },
      }
      const machine = { grant_type: 'client_credentials', client_id: 'client', client_secret: secret }
      const first = await send('/connect/token', proof('/connect/token'), polled)
      assert.equal(first.status, 200, JSON.stringify(first.json))
      const { access_token } = first.json
      const userinfo = prover.headers(access_token, { at: at(), claims: { htu: `${url}/connect/userinfo` } })
      const readUser = () => fetch(`${url}/connect/userinfo`, { headers: userinfo })
      const requests = [
        ['/connect/token', proof('/connect/token'), machine, 200],
        ['/connect/par', proof('/connect/par'), pushed, 201],
      ] as const
      for (const [path, dpop, form, status] of requests)
        assert.equal((await send(path, dpop, form)).status, status, path)
      assert.equal((await readUser()).status, 200)

      await server.kill()
      server = await serveConfiguration(file, port)
      for (const [path, dpop, form] of requests)
        assert.equal((await send(path, dpop, form)).json.error, 'invalid_dpop_proof', path)
      assert.equal((await readUser()).status, 401)
      const again = await send('/connect/token', proof('/connect/token'), polled)
      assert.equal(again.json.refresh_token, first.json.refresh_token)
      assert.equal(again.json.token_type, 'DPoP')
      const replays = server.log().match(/dpop_proof_replayed/g) ?? []
      assert.equal(replays.length, 3)
    } finally {
      await server.stop()
      await remove()
    }
  })
