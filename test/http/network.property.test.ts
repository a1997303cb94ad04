/** Networks of addresses, as limits count them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { networkKeys, networkOfAddress } from '../../packages/server/src/runtime/network.ts'

const group = fc.integer({ min: 0, max: 0xffff })
const address = fc.tuple(group, group, group, group, group, group, group, group)
const full = (groups: readonly number[]): string => groups.map(one => one.toString(16)).join(':')
/** The notation of Node and RFC 5952. */
const canonical = (groups: readonly number[]): string =>
  new URL(`http://[${full(groups)}]`).hostname.slice(1, -1)

test('networks: every spelling of an IPv6 address is in one /64 [RFC 4291 §2.2]', () => {
  fc.assert(
    fc.property(address, groups => {
      const padded = groups.map(one => one.toString(16).padStart(4, '0').toUpperCase()).join(':')
      const networks = [full(groups), canonical(groups), padded, `${canonical(groups)}%eth0`].map(
        networkOfAddress,
      )
      assert.equal(new Set(networks).size, 1, `${canonical(groups)}: ${networks}`)
    }),
  )
})

test('networks: addresses of one /64 are one network, and others are one only if the first 64 bits are equal', () => {
  const sparse = fc.tuple(...Array.from({ length: 8 }, () => fc.constantFrom(0, 0, 1, 0xffff)))
  fc.assert(
    fc.property(sparse, sparse, (one, other) => {
      const isMapped = (groups: readonly number[]) =>
        groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff
      fc.pre(!isMapped(one) && !isMapped(other))
      const same = one.slice(0, 4).join() === other.slice(0, 4).join()
      assert.equal(networkOfAddress(canonical(one)) === networkOfAddress(canonical(other)), same)
    }),
  )
})

test('networks: an IPv4 address is the same when mapped to IPv6 or translated [RFC 4291 §2.5.5.2, RFC 6052 §2.1]', () => {
  const byte = fc.integer({ min: 0, max: 255 })
  fc.assert(
    fc.property(fc.tuple(byte, byte, byte, byte), ([a, b, c, d]) => {
      const text = `${a}.${b}.${c}.${d}`
      const hex = full([(a << 8) | b, (c << 8) | d])
      // RFC 6052 §2.1: a translator's clients would otherwise share one /64.
      for (const translated of [`64:ff9b::${text}`, `64:FF9B::${hex}`, `0064:ff9b:0:0:0:0:${text}`])
        assert.equal(networkOfAddress(translated), text)
      for (const mapped of [`::ffff:${text}`, `::FFFF:${hex}`, `0:0:0:0:0:ffff:${text}`])
        assert.equal(networkOfAddress(mapped), text)
    }),
  )
})

test('networks: an IPv6 address is counted in its /64, /56 and /48, and an IPv4 address on its own', () => {
  const limit = { most: 10, span: 60 }
  const counted = (address: string) =>
    networkKeys('try', networkOfAddress(address), limit).map(({ key, most }) => [key, most])
  assert.deepEqual(counted('2001:db8:1:2ff::5'), [
    ['try from 2001:db8:1:2ff', 10],
    ['try from 2001:db8:1:200/56', 20],
    ['try from 2001:db8:1:0/48', 40],
  ])
  assert.deepEqual(counted('192.0.2.1'), [['try from 192.0.2.1', 10]])
})
