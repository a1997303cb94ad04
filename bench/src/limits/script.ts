/** The cost of each part of a token request alone, in a process on the server's core. */

import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { sqliteCommits } from './sqlite-commits.ts'

/** Operations for each second of CPU, and for each second of time. */
export type Limit = { readonly name: string; readonly perCpuSecond: number; readonly perSecond: number }

const [directory = '', seconds = '1'] = process.argv.slice(2)

/** Repeats work, which returns its number of operations, until the time is over. */
function measure(name: string, work: () => number): Limit {
  work()
  const start = performance.now()
  const before = process.cpuUsage()
  const end = start + Number(seconds) * 1000
  let count = 0
  while (performance.now() < end) count += work()
  const { user, system } = process.cpuUsage(before)
  return {
    name,
    perCpuSecond: (count * 1e6) / (user + system),
    perSecond: (count * 1000) / (performance.now() - start),
  }
}

const some = (work: () => unknown) => (): number => {
  for (let done = 0; done < 50; done++) work()
  return 50
}

const text = Buffer.alloc(420, 'x')
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const es256 = { key: ec.privateKey, dsaEncoding: 'ieee-p1363' } as const
const signature = sign('sha256', text, es256)

const limits: readonly Limit[] = [
  measure(
    'signature, ES256',
    some(() => sign('sha256', text, es256)),
  ),
  measure(
    'signature, RS256',
    some(() => sign('sha256', text, rsa.privateKey)),
  ),
  measure(
    'verification, ES256',
    some(() => verify('sha256', text, { key: ec.publicKey, dsaEncoding: 'ieee-p1363' }, signature)),
  ),
  ...sqliteCommits(directory).map(({ name, commit }) => measure(name, commit)),
]
process.send?.(limits)
process.disconnect?.()
