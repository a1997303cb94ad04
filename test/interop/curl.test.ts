import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { withServer } from '../support/process.ts'
import { secret, world } from '../support/world.ts'

const run = promisify(execFile)
const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
)

test('curl: -u and --data each get a token, as in the README', {
  skip: hasCurl ? false : 'there is no curl here',
}, async () => {
  await withServer(world, async ({ url }) => {
    const basic = await run('curl', [
      '-s',
      '-u',
      `client:${secret}`,
      '-d',
      'grant_type=client_credentials',
      `${url}/connect/token`,
    ])
    assert.equal(JSON.parse(basic.stdout).token_type, 'Bearer')
    const body = await run('curl', [
      '-s',
      '-d',
      `grant_type=client_credentials&client_id=client&client_secret=${secret}&scope=api1`,
      `${url}/connect/token`,
    ])
    assert.equal(JSON.parse(body.stdout).scope, 'api1')
    const wrong = await run('curl', [
      '-s',
      '-w',
      '%{http_code}',
      '-o',
      '/dev/null',
      '-X',
      'GET',
      `${url}/connect/token`,
    ])
    assert.equal(wrong.stdout, '405')
  })
})
