/** Guarantees of a store that processes share, under concurrency and when one of them is killed. */

import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { AuthorizationId, FamilyId } from '../../../packages/server/src/model/authorization.ts'
import type { Stores, Use } from '../../../packages/server/src/model/ports/stores.ts'
import type { TokenHash } from '../../../packages/server/src/runtime/ports.ts'
import { inTime } from '../../support/until.ts'
import { accessEnding } from './access.ts'
import type { Report, Task } from './contender.ts'
import {
  approvedDevice,
  day,
  enablePrincipals,
  foundedFamily,
  issuedCode,
  newHash,
  now,
  sampleCommit,
  sampleSession,
  sampleUser,
} from './samples.ts'

/** Where programs find the store (see `open.ts`), and how this process opens it. */
export type Shared = { readonly storage: string; readonly open: () => Promise<Stores> }

export const script = (name: string): string => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))

const nextReport = async (child: ChildProcess): Promise<Report> => {
  const answered = Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the process ended with ${code}`))),
  ])
  const [report] = await inTime('the other process reports', answered, { within: 120_000 })
  return report as Report
}

/** Two processes redeem the same credentials `times` times each: one succeeds once. */
export async function contend({ storage, open }: Shared, times: number): Promise<void> {
  // Both also create the schema concurrently.
  const children = [fork(script('contender'), [storage]), fork(script('contender'), [storage])]
  const settings = await Promise.all(children.map(nextReport))
  assert.deepEqual(settings[0], settings[1])

  const stores = await open()
  await enablePrincipals(stores)
  const { code } = await issuedCode(stores)
  const { device } = await approvedDevice(stores)
  const { family } = await foundedFamily(stores)
  const uses: readonly Use[] = [
    { kind: 'authorization_code', hash: code.hash },
    { kind: 'device_code', hash: device.hash },
    { kind: 'refresh_rotation', family: family.id, generation: 1, idleExpiresAt: now + day },
    { kind: 'assertion', hash: newHash(), expires_at: now + day },
  ]
  const reports = children.map(child => {
    child.send({ uses, times } satisfies Task)
    return nextReport(child)
  })
  const [first, second] = await Promise.all(reports)
  assert.ok(first && second && 'tallies' in first && 'tallies' in second)
  for (const index of uses.keys()) {
    const sum = (outcome: string): number =>
      (first.tallies[index]?.[outcome] ?? 0) + (second.tallies[index]?.[outcome] ?? 0)
    assert.deepEqual([sum('committed'), sum('already_used')], [1, 2 * times - 1])
  }
  assert.equal((await stores.families.find(family.id))?.family.generation, 2)
}

/** Two processes claim the same logout notices: each notice is claimed by one, once. */
export async function claimAtOnce({ storage, open }: Shared): Promise<void> {
  const stores = await open()
  const expected: string[] = []
  for (let count = 0; count < 100; count++) {
    const session = sampleSession()
    await stores.sessions.create(session)
    await Promise.all(['api', 'shop', 'web'].map(client => stores.sessions.join(session.sid, client)))
    expected.push(...['api', 'shop', 'web'].map(client => `${session.sid} ${client}`))
    await stores.sessions.end(session.sid, { at: now, revokes: 'none', notices_until: now + day })
  }
  const children = [fork(script('claimer'), [storage]), fork(script('claimer'), [storage])]
  await Promise.all(children.map(child => inTime('the claimer is ready', once(child, 'message'))))
  const claimed = await Promise.all(
    children.map(async child => {
      child.send('go')
      const [keys] = await inTime('the claimer has claimed', once(child, 'message'))
      return keys as readonly string[]
    }),
  )
  assert.deepEqual(claimed.flat().toSorted(), expected.toSorted())
}

/** Runs a writing process until it has printed this many lines, kills it, and returns the complete lines. */
async function killedWhileWriting(
  storage: string,
  lines: number,
  writer = 'endless-writer',
): Promise<readonly string[]> {
  const child = spawn(process.execPath, [script(writer), storage], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  let count = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    count += text.split('\n').length - 1
    if (count >= lines) child.kill('SIGKILL')
  })
  const [code, signal] = await inTime(`${lines} lines are written`, once(child, 'close'), { within: 120_000 })
  assert.deepEqual([code, signal], [null, 'SIGKILL'])
  return printed.slice(0, printed.lastIndexOf('\n')).split('\n')
}

/** Kills a process that writes after each of these numbers of lines: nothing acknowledged is lost, and no code is redeemed twice. */
export async function killWhileWriting({ storage, open }: Shared, kills: readonly number[]): Promise<void> {
  const prepared = await open()
  await enablePrincipals(prepared)
  await prepared.close()
  for (const lines of kills) {
    const printed = (await killedWhileWriting(storage, lines)).map(line => line.split(' '))
    const stores = await open()
    const of = (word: string) => printed.filter(([first]) => first === word)
    const committed = new Set(of('committed').map(([, hash]) => hash))
    assert.ok(committed.size > 0)
    assert.equal(of('already_used').length + of('revoked').length, 0)
    for (const [, hash] of of('issued')) assert.ok(await stores.codes.find(hash as TokenHash))
    for (const [, hash, family, proof] of of('redeeming')) {
      const use = { kind: 'authorization_code', hash: hash as TokenHash } as const
      const outcome = await stores.commit(sampleCommit({ use }))
      const founded = (await stores.families.find(family as FamilyId)) !== undefined
      // Of an unacknowledged write, all or nothing exists; of an acknowledged one, all.
      assert.equal(outcome, founded ? 'already_used' : 'committed')
      assert.equal(await stores.usedAssertions.has(proof as TokenHash), founded)
      if (committed.has(hash)) assert.ok(founded)
    }
    await stores.close()
  }
}

/** Kills a process that ends users' access: each end is complete or absent. */
export async function killWhileChanging({ storage, open }: Shared, kills: readonly number[]): Promise<void> {
  await (await open()).close()
  for (const lines of kills) {
    const killed = await killedWhileWriting(storage, lines, 'account-changer')
    const printed = killed.map(line => line.split(' '))
    const stores = await open()
    const acknowledged = new Set(printed.flatMap(([word, sub]) => (word === 'changed' ? [sub] : [])))
    assert.ok(acknowledged.size > 0)
    const notices = await stores.logoutNotices.claim(now + day, now + 2 * day, 1_000_000)
    for (const [word, sub = '', pending, authorization] of printed) {
      if (word !== 'changing') continue
      const changed = (await stores.storedUsers.find(sub))?.version === 2
      if (acknowledged.has(sub)) assert.ok(changed)
      assert.equal((await stores.sessions.ofUser(sub)).length, changed ? 0 : 1)
      assert.equal((await stores.pendingSignIns.find(pending as TokenHash)) === undefined, changed)
      const found = await stores.authorizations.find(authorization as AuthorizationId)
      assert.equal(found?.revoked_at !== undefined, changed)
      assert.equal(notices.filter(notice => notice.sub === sub).length, changed ? 1 : 0)
    }
    for (const notice of notices) await stores.logoutNotices.remove(notice)
    await stores.close()
  }
}

/** While another process signs a user in, ends their access this many times: no session outlives it. */
export async function signInMeanwhile({ storage, open }: Shared, times: number): Promise<void> {
  const stores = await open()
  let user = sampleUser()
  await stores.storedUsers.add(user)
  const child = fork(script('signer-in'), [storage, user.sub])
  await inTime('the other process signs in', once(child, 'message'))
  const requireNoneLeft = async () => {
    const left = await stores.sessions.ofUser(user.sub)
    assert.deepEqual(
      left.map(({ epoch }) => epoch),
      left.map(() => user.epoch),
    )
  }
  for (let count = 0; count < times; count++) {
    user = { ...user, version: user.version + 1, epoch: user.epoch + 1 }
    const { outcome } = await stores.storedUsers.replace(user, accessEnding())
    assert.equal(outcome, 'replaced')
    await requireNoneLeft()
  }
  child.send('stop')
  await inTime('the other process ends', once(child, 'exit'))
  await requireNoneLeft()
}
