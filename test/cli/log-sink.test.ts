/** The log of a process whose standard error is full, slow, closed, and open again. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { entry } from '../support/serving.ts'
import { limited, makeRoom, openPipe, sinkFolder } from '../support/sinks.ts'
import { inTime, until } from '../support/until.ts'

const options = { timeout: 60_000, skip: process.platform === 'win32' }
const place = sinkFolder()

const log = new URL('../../packages/server/src/operations/log.ts', import.meta.url)

/**
 * A process that logs numbered lines on request from standard input: `1000` writes that many, `end` settles the log
 * and ends.
 */
const writer = `
import { createLog } from '${log}'
import { guardStandardOutput } from '${new URL('./output/standard-output.ts', log)}'
guardStandardOutput()
const log = createLog({ level: 'info' })
let count = 0
process.stdin.setEncoding('utf8').on('data', async text => {
  if (text.includes('end')) { await log.settle(1000); process.exit(3) }
  for (let left = Number(text); left > 0; left--) log.info('line', { count: ++count, filling: 'x'.repeat(200) })
  setTimeout(() => process.stdout.write(JSON.stringify({ rss: process.memoryUsage.rss(), dropped: log.dropped() }) + '\\n'), 50)
})`

type Told = { readonly rss: number; readonly dropped: number }

function startWriter(fd: number | 'pipe', wrap = (command: readonly string[]) => command) {
  const [program = '', ...words] = wrap([process.execPath, '--input-type=module', '--eval', writer])
  const child: ChildProcess = spawn(program, words, { stdio: ['pipe', 'pipe', fd] })
  let out = ''
  child.stdout!.setEncoding('utf8').on('data', text => {
    out += text
  })
  const answers = () => out.split('\n').slice(0, -1)
  return {
    child,
    async writes(count: number): Promise<Told> {
      const before = answers().length
      child.stdin!.write(String(count))
      await until(`a reply after ${count} lines`, () => answers().length > before)
      return JSON.parse(answers().at(-1)!)
    },
    async ends(): Promise<number | null> {
      child.stdin!.write('end')
      try {
        const [code] = (await inTime('the writer ends', once(child, 'exit'))) as [number | null]
        return code
      } finally {
        child.kill('SIGKILL')
      }
    },
  }
}

const parsed = (text: string): Record<string, any>[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))

/** Asserts that the lines and the reported losses together are everything that was written, in order. */
function assertComplete(lines: readonly Record<string, any>[], written: number): void {
  const counts = lines.filter(({ event }) => event === 'line').map(({ count }) => count)
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  )
  const lost = lines
    .filter(({ event }) => event === 'log_lines_dropped')
    .reduce((sum, { dropped }) => sum + dropped, 0)
  assert.ok(lost > 0, 'no line says that others were dropped')
  assert.equal(counts.length + lost, written)
}

test(
  'log: on a full disk, lines are dropped, memory stays limited and the process exits',
  options,
  async () => {
    const fd = openSync('/dev/full', 'w')
    const process = startWriter(fd)
    const before = await process.writes(5000)
    const after = await process.writes(50_000)
    assert.ok(after.dropped > 45_000, `${after.dropped} were dropped`)
    assert.ok(after.rss - before.rss < 120e6, `${after.rss - before.rss} bytes more`)
    assert.equal(await process.ends(), 3)
    closeSync(fd)
  },
)

test(
  'log: when a full disk has space again every line is complete, and the lost ones are counted',
  options,
  async () => {
    const file = place('full.log')
    const fd = openSync(file, 'a')
    const process = startWriter(fd, command => limited(16, command))
    const { dropped } = await process.writes(20_000)
    assert.ok(dropped > 0)
    await until('the disk is full', async () => readFileSync(file).length === 16 * 512)
    const first = readFileSync(file, 'utf8')
    await makeRoom(file)
    // Frees space on the disk step by step: each time, some more of the buffer is written.
    let read = first
    await until('everything is written', async () => {
      const text = readFileSync(file, 'utf8')
      if (text.length >= 16 * 512) {
        read += text
        await makeRoom(file)
      }
      return (read + text).includes('log_lines_dropped')
    })
    assert.equal(await process.ends(), 3)
    read += readFileSync(file, 'utf8')
    closeSync(fd)
    assertComplete(parsed(read), 20_000)
  },
)

for (const kind of ['pipe', 'socket'] as const)
  test(`log: the process exits in time even if nobody reads its ${kind}`, options, async () => {
    const pipe = kind === 'pipe' ? await openPipe(place('stuck')) : undefined
    const process = startWriter(pipe?.fd ?? 'pipe')
    await process.writes(1000)
    const { dropped } = await process.writes(50_000)
    assert.ok(dropped > 0)
    assert.equal(await process.ends(), 3)
    pipe?.close()
  })

for (const kind of ['pipe', 'socket'] as const)
  test(
    `log: once its ${kind} is read again every line is complete, and the lost ones are counted`,
    options,
    async () => {
      const pipe = kind === 'pipe' ? await openPipe(place('slow')) : undefined
      const process = startWriter(pipe?.fd ?? 'pipe')
      await process.writes(20_000)
      let text = ''
      process.child.stderr?.setEncoding('latin1').on('data', chunk => {
        text += chunk
      })
      const read = (await pipe?.drain()) ?? (() => text)
      await until('the log says how many lines were dropped', () => read().includes('log_lines_dropped'))
      const { dropped } = await process.writes(1)
      assert.equal(await process.ends(), 3)
      await until('the pipe is read to its end', () => read().includes('"count":20001'))
      pipe?.close()
      assertComplete(parsed(read()), 20_001)
      assert.ok(dropped > 0)
    },
  )

test('log: a closed reader does not end the process', options, async () => {
  const pipe = await openPipe(place('closed'))
  const process = startWriter(pipe.fd)
  await process.writes(10)
  pipe.close()
  await process.writes(20_000)
  const { dropped } = await process.writes(1)
  assert.ok(dropped > 0)
  assert.equal(await process.ends(), 3)
})

test('cli: a server that can’t start exits with 1 even if nobody reads why', options, async () => {
  const file = place('faulty.json')
  // More errors than fit into a pipe.
  const clients = Array.from({ length: 2000 }, (_, index) => ({ client_id: `c${index}`, unknown: 1 }))
  writeFileSync(file, JSON.stringify({ storage: 'memory:', clients }))
  const pipe = await openPipe(place('stuck'))
  const child = spawn(process.execPath, [entry, 'serve', '--config', file], {
    stdio: ['ignore', pipe.fd, pipe.fd],
  })
  try {
    const [code] = await inTime('the server ends', once(child, 'exit'))
    assert.equal(code, 1)
  } finally {
    child.kill('SIGKILL')
    pipe.close()
  }
})
