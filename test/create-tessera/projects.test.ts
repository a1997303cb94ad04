/** The projects that `create-tessera` writes: their files, and what they do when they run. */

import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { apps, factsOf } from '../../packages/create-tessera/src/apps.ts'
import { loadConfiguration } from '../../packages/server/src/server.ts'
import { createProject, type Project } from './project.ts'

async function withProject<Value>(
  words: readonly [app: string, ...options: string[]],
  use: (project: Project) => Promise<Value>,
): Promise<Value> {
  const project = await createProject(...words)
  try {
    return await use(project)
  } finally {
    await project.remove()
  }
}

for (const app of apps)
  for (const options of [
    ['--store', 'sqlite'],
    ['--store', 'postgres', '--database-url', 'postgres://u:of-the-database@db.example/t'],
  ])
    test(`create-tessera: ${app} with ${options[1]} has a valid configuration, and secrets only in .env`, () =>
      withProject([app, ...options], async ({ folder, variables }) => {
        const loaded = await loadConfiguration({
          file: join(folder, 'tessera.jsonc'),
          environment: variables,
        })
        assert.ok(loaded.ok, JSON.stringify(loaded))
        assert.deepEqual(loaded.warnings, [])
        assert.equal(loaded.configuration.storage.kind, options[1])
        const secrets = Object.entries(variables).filter(([name]) =>
          /SECRET|PASSWORD|MASTER_KEY|STORAGE/.test(name),
        )
        assert.ok(secrets.length > 0)
        const files = await readdir(folder, { recursive: true, withFileTypes: true })
        for (const file of files.filter(one => one.isFile() && one.name !== '.env')) {
          const text = await readFile(join(file.parentPath, file.name), 'utf8')
          for (const [name, value] of secrets) assert.ok(!text.includes(value), `${file.name} has ${name}`)
        }
        assert.equal((await stat(join(folder, '.env'))).mode & 0o777, 0o600)
        assert.match(await readFile(join(folder, '.gitignore'), 'utf8'), /^\.env$/m)
      }))

test('create-tessera: two projects share no secret', () =>
  withProject(['express'], one =>
    withProject(['express'], async other => {
      for (const name of [
        'TESSERA_MASTER_KEY',
        'CLIENT_SECRET',
        'SESSION_SECRET',
        'FIRST_USER_PASSWORD',
      ] as const) {
        assert.ok((one.variables[name]?.length ?? 0) >= 16, name)
        assert.notEqual(one.variables[name], other.variables[name])
      }
    }),
  ))

test('create-tessera: the applications use the versions that the tests run with', async () => {
  const file = new URL('../../package.json', import.meta.url)
  const { devDependencies } = JSON.parse(await readFile(file, 'utf8'))
  for (const { dependencies } of Object.values(factsOf))
    for (const [name, version] of Object.entries(dependencies))
      assert.equal(version, `^${devDependencies[name]}`, name)
})

test('create-tessera: the sample API serves its own client, and nobody without a token or a scope', () =>
  withProject(['api'], async ({ variables, run, start }) => {
    const stop = await start(/API at/)
    const { ISSUER, APP_URL, CLIENT_ID, CLIENT_SECRET } = variables
    const { code, stdout, stderr } = await run('app/request.js')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^200 .*first.*worker/s)
    const bare = await fetch(`${APP_URL}/items`)
    assert.deepEqual([bare.status, bare.headers.get('www-authenticate')], [401, 'Bearer'])
    const forged = await fetch(`${APP_URL}/items`, { headers: { authorization: 'Bearer e30.e30.e30' } })
    assert.deepEqual(
      [forged.status, forged.headers.get('www-authenticate')],
      [401, 'Bearer error="invalid_token"'],
    )
    const wrong = await fetch(`${ISSUER}/connect/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${CLIENT_ID}:not-${CLIENT_SECRET}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    assert.equal(wrong.status, 401)
    assert.equal(await stop(), 0)
  }))

test('create-tessera: the worker prints what its token is valid for, and both processes end with SIGTERM', () =>
  withProject(['worker'], async ({ start, variables }) => {
    const stop = await start(/token of worker for urn:items with scope items\.read/)
    assert.equal(await stop(), 0)
    await assert.rejects(fetch(`${variables.ISSUER}/readyz`))
  }))

test('create-tessera: Tessera alone shows its sign-in page', () =>
  withProject(['none'], async ({ start, variables }) => {
    const stop = await start(/listening on/)
    const page = await fetch(`${variables.ISSUER}/account`)
    assert.match(await page.text(), /name="password"/)
    assert.equal(await stop(), 0)
  }))
