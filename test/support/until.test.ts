import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inTime, until } from './until.ts'

const short = { within: 30, every: 1 }
const never = new Promise<never>(() => {})

test('until: polls until the condition is true', async () => {
  let asked = 0
  await until('three', () => ++asked === 3, { every: 1 })
  assert.equal(asked, 3)
  assert.equal(await until('a promise', async () => 'kept'), 'kept')
})

test('until: a condition that is never true, or never settles, fails with what was awaited', async () => {
  await assert.rejects(
    until('the moon', () => false, short),
    /in vain: the moon/,
  )
  await assert.rejects(
    until('the moon', () => never, short),
    /in vain: the moon/,
  )
  await assert.rejects(
    until('the moon', () => Promise.reject(new Error('clouds')), short),
    /clouds/,
  )
})

test('inTime: settles as the promise does, and fails if that never settles', async () => {
  assert.equal(await inTime('one', Promise.resolve(1)), 1)
  await assert.rejects(inTime('an error', Promise.reject(new Error('clouds'))), /clouds/)
  await assert.rejects(inTime('the moon', never, short), /in vain: the moon/)
})
