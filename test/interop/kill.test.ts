import assert from 'node:assert/strict'
import { test } from 'node:test'
import { challenge, verifier } from '../support/issue-code.ts'
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
    await restart()
    assert.ok((await person.authorize(address)).searchParams.get('code'))
    assert.equal(person.signIns(), 1)
    assert.equal((await redeem(back)).error, 'invalid_grant')
  } finally {
    await server.stop()
    await remove()
  }
})
