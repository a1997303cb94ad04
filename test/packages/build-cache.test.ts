/** Builds of the same sources are made once. */

import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { copyBuilt } from '../../packages/build-cache.ts'
import { testFolder } from '../support/folder.ts'

const folder = testFolder()
const source = 'root/packages/server/src/server.ts'
let builds = 0

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(folder.at(file)), { recursive: true })
  await folder.write(file, text)
}

/** Returns the text of the copy. The build is the source in capital letters. */
async function build(name: string, during: () => Promise<unknown> = async () => {}): Promise<string> {
  const work = folder.at(`work-${name}`)
  await mkdir(work, { recursive: true })
  await copyBuilt({ root: folder.at('root'), name: 'server', work, target: folder.at(name) }, async () => {
    builds++
    const text = await readFile(folder.at(source), 'utf8')
    await during()
    await write(`work-${name}/built/server.js`, text.toUpperCase())
    return join(work, 'built')
  })
  return readFile(folder.at(name, 'server.js'), 'utf8')
}

test('builds: the same sources are built once, and changed ones again', async () => {
  await write(source, 'one')
  assert.equal(await build('a'), 'ONE')
  assert.equal(await build('b'), 'ONE')
  assert.equal(builds, 1)
  await write(source, 'two')
  assert.equal(await build('a'), 'TWO')
  await write('root/packages/protocol/src/new.ts', '')
  await build('a')
  await write('root/package-lock.json', '{}')
  await build('a')
  assert.equal(builds, 4)
})

test('builds: concurrent builds of the same sources succeed', async () => {
  await write(source, 'three')
  assert.deepEqual(await Promise.all(['a', 'b', 'c'].map(name => build(name))), Array(3).fill('THREE'))
})

test('builds: a source that changes during the build is built again', async () => {
  await write(source, 'four')
  await assert.rejects(
    build('a', () => write(source, 'five')),
    /changed during the build/,
  )
  await write(source, 'four')
  const before = builds
  assert.equal(await build('a'), 'FOUR')
  assert.equal(builds, before + 1)
})
