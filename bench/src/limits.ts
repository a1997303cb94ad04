/** What the parts of a token request cost alone on this machine, in µs of CPU. */

import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStores } from '@tessera/server/stores/sqlite/stores'

/** Prints them. */
export async function showLimits(): Promise<void> {
  const text = Buffer.alloc(420, 'x')
  const { privateKey: ec } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  show(
    'ES256 signature',
    await cost(5000, () => sign('sha256', text, { key: ec, dsaEncoding: 'ieee-p1363' })),
  )
  show('RS256 signature', await cost(500, () => sign('sha256', text, rsa)))

  const directory = mkdtempSync(join(tmpdir(), 'tessera-limits-'))
  const stores = await openSqliteStores({ file: join(directory, 'limits.db') })
  const atOnce = 64
  let count = 0
  const mark = () => stores.replays.use({ hash: `limit-${count++}` as never, expires_at: 4_000_000_000 })
  const batch = () => Promise.all(Array.from({ length: atOnce }, mark))
  show('SQLite commit of one row, 64 at once', (await cost(100, batch)) / atOnce)
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
}

const show = (name: string, micros: number): void =>
  console.log(
    `${name}: ${micros.toFixed(1)} µs, ${Math.round(1e6 / micros).toLocaleString('en')} a CPU-second`,
  )

/** The best of five rounds: what others do on the machine only ever adds. */
async function cost(rounds: number, work: () => unknown): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage()
    for (let done = 0; done < rounds; done++) await work()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / rounds)
  }
  return best
}
