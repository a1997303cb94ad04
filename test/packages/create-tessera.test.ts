/** A project from the tarball of `create-tessera`, with the tarballs of the server, without a network. */

import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { factsOf } from '../../packages/create-tessera/src/apps.ts'
import { testFolder } from '../support/folder.ts'
import { freePort } from '../support/process.ts'
import { startRegistry } from '../support/registry.ts'
import { cleanEnvironment, npm, pack, repository, runNode, startNode } from './installed.ts'

const folder = testFolder()
const version = '0.1.0'
const tarballs = ['create-tessera', 'tessera-server', 'tessera-protocol'].map(name =>
  folder.at(`${name}-${version}.tgz`),
)

test('packages: the tarball of create-tessera writes a project that installs, starts and sends its users to the sign-in page', async () => {
  const [creator = '', server = '', protocol = ''] = tarballs
  await pack(['create-tessera', '@tessera/server', '@tessera/protocol'], folder.at(), folder.at())
  const registry = await startRegistry(
    ['server', 'create-tessera'].map(name => join(repository, 'packages', name)),
    Object.keys(factsOf.express.dependencies),
  )
  const environment = { ...cleanEnvironment(folder.at()), npm_config_registry: registry.url }
  const inFolder = (name: string) => ({ application: folder.at(name), environment })
  try {
    await mkdir(folder.at('tools'))
    await writeFile(folder.at('tools', 'package.json'), '{ "private": true }')
    const installed = await runNode(inFolder('tools'), process.execPath, [npm(), 'install', creator])
    assert.equal(installed.code, 0, installed.errors)
    const [port, appPort] = [await freePort(), await freePort()]
    const created = await runNode(inFolder('tools'), process.execPath, [
      join('node_modules', 'create-tessera', 'dist', 'create-tessera.js'),
      ...['shop', '--app', 'express', '--yes', '--install', '--server', server, '--protocol', protocol],
      ...['--port', `${port}`, '--app-port', `${appPort}`],
    ])
    assert.equal(created.code, 0, created.errors + created.printed)
    const check = await runNode(inFolder('tools/shop'), process.execPath, [npm(), 'run', 'check'])
    assert.match(check.printed, /tessera\.jsonc is valid/)

    const running = startNode(inFolder('tools/shop'), process.execPath, [npm(), 'start'])
    await running.prints(/application at/)
    const login = await fetch(`http://localhost:${appPort}/login`, { redirect: 'manual' })
    const page = await fetch(login.headers.get('location') ?? '')
    assert.equal(new URL(page.url).pathname, '/login')
    assert.match(await page.text(), /name="password"/)
    await running.stop()
  } finally {
    await registry.close()
  }
})
