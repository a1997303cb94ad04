import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from '@tessera/protocol/parameters'
import fc from 'fast-check'
import { readBasicHeader } from '../../packages/server/src/clients/authentication/basic-header.ts'
import { anyCharacter } from '../support/characters.ts'

const formEncode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const ascii = { unit: fc.integer({ min: 0x20, max: 0x7e }).map(code => String.fromCharCode(code)) }
const wellFormed = fc
  .string({ unit: anyCharacter, maxLength: 40 })
  .filter(text => text.isWellFormed() && !text.includes('\0'))

test('basic: any form-encoded id and secret are read back [RFC 6749 §2.3.1]', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ ...ascii, minLength: 1, maxLength: 100 }),
        wellFormed.filter(text => text !== ''),
      ),
      fc.oneof(fc.string({ ...ascii, maxLength: 512 }), wellFormed),
      fc.constantFrom('Basic', 'basic', 'BASIC', 'bAsIc'),
      (client_id, secret, scheme) => {
        const header = `${scheme} ${base64(`${formEncode(client_id)}:${formEncode(secret)}`)}`
        const read = readBasicHeader(header)
        assert.ok(typeof read === 'object')
        assert.deepEqual([read.client_id, read.secret, read.isUnencoded], [client_id, secret, undefined])
      },
    ),
  )
})

test('basic: any unencoded id and secret are one of the readings, and no reading mixes the two [RFC 7617 §2]', () => {
  const text = { unit: fc.constantFrom('a', '+', '%', ' ', ':', '2', 'B', 'é') } as const
  fc.assert(
    fc.property(
      fc.string({ ...text, minLength: 1, maxLength: 20 }).filter(id => !id.includes(':')),
      fc.string({ ...text, maxLength: 20 }),
      (client_id, secret) => {
        const read = readBasicHeader(`Basic ${base64(`${client_id}:${secret}`)}`)
        assert.ok(typeof read === 'object')
        const readings = [read, ...(read.others ?? [])]
        assert.ok(readings.some(one => one.client_id === client_id && one.secret === secret))
        for (const one of readings) {
          const isRaw = one.client_id === client_id
          const isEncoded = decode(client_id) === one.client_id && decode(secret) === one.secret
          const isNamedByColon = one.client_id.includes(':') && one.secret === secret
          assert.ok((isRaw && one.secret === secret) || isEncoded || isNamedByColon)
        }
      },
    ),
  )
})

test('basic: any header is parsed, malformed or of another scheme, and never throws', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map(text => `Basic ${text}`),
      ),
      header => {
        const read = readBasicHeader(header)
        if (/^basic([ \t]|$)/i.test(header)) assert.notEqual(read, undefined)
        else assert.equal(read, undefined)
      },
    ),
  )
})

test('basic: of all spellings of the same bytes only the canonical base64 is accepted [RFC 4648 §3.5]', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.nat(80),
      fc.constantFrom('=', ' ', '-', '_', '\n', 'A'),
      (bytes, at, extra) => {
        const canonical = Buffer.from(bytes).toString('base64')
        const spelled = canonical.slice(0, at) + extra + canonical.slice(at)
        const read = readBasicHeader(`Basic ${spelled}`)
        if (Buffer.from(spelled, 'base64').toString('base64') !== spelled) assert.equal(read, 'malformed')
      },
    ),
  )
})

test('basic: ids and secrets within the limits are returned, nothing longer', () => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(1200), (id, secret) => {
      const read = readBasicHeader(`Basic ${base64(`${'i'.repeat(id)}:${'s'.repeat(secret)}`)}`)
      const fits = id > 0 && id <= 100 && secret <= 512
      assert.equal(read !== 'malformed', fits)
    }),
  )
})
