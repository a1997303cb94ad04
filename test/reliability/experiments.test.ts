/** Each experiment of docs/reliability.md in its short form, by the command on that page. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { familyOf } from '../../bench/src/servers/usage.ts'
import { readText } from '../support/repository.ts'
import { inTime } from '../support/until.ts'

const page = readText('docs/reliability.md')

/** Every NAME in `npm run reliability -- NAME` on the page. */
const names = [...new Set([...page.matchAll(/npm run reliability -- ([\w-]+)/g)].map(([, name]) => name!))]

const limit = 240_000
const options = { timeout: limit + 10_000, skip: process.platform !== 'linux' }

/** Runs the command; resolves to its exit code and its output. */
async function run(name: string): Promise<{ readonly code: unknown; readonly output: string }> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(process.execPath, [fileURLToPath(new URL('run.ts', import.meta.url)), name], { env })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      output += text
    })
  try {
    const [code] = await inTime(`${name} ends`, once(child, 'close'), { within: limit })
    return { code, output }
  } catch (error) {
    // Its servers first, which would go on without it.
    for (const pid of familyOf(child.pid!).toReversed()) process.kill(pid, 'SIGKILL')
    throw new Error(`${error}\n${output}`)
  }
}

async function assertHolds(name: string): Promise<void> {
  const { code, output } = await run(name)
  assert.equal(code, 0, output)
  assert.match(output, /^\| /m)
}

test('reliability: the page names each experiment, and no other', () => {
  const [, listed = ''] = /const names = \[([^\]]*)\]/.exec(readText('test/reliability/run.ts')) ?? []
  assert.deepEqual(names.toSorted(), [...listed.matchAll(/'([\w-]+)'/g)].map(([, name]) => name).toSorted())
  for (const name of names)
    for (const form of ['', ' --long'])
      assert.ok(page.includes(`\`npm run reliability -- ${name}${form}\``), `${name}${form}`)
})

test('reliability: an unknown experiment exits with 2 and lists the known ones', options, async () => {
  const { code, output } = await run('none')
  assert.equal(code, 2, output)
  assert.match(output, /no such experiment: none; there are: late, /)
})

// They mostly wait.
describe('reliability: experiments that wait', { concurrency: true }, () => {
  for (const name of names.filter(name => name !== 'overload'))
    test(`reliability: ${name} keeps its promises`, options, () => assertHolds(name))
})

test('reliability: overload keeps its promises', options, () => assertHolds('overload'))
