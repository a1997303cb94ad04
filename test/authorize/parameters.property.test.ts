import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseParameters } from '@tessera/protocol/parameters'
import fc from 'fast-check'

const text = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .filter(value => !value.includes('\0') && value.isWellFormed())
const name = text.filter(
  value => value !== '' && value.length <= 64 && value !== 'resource' && value !== 'audience',
)

test('parameters: everything that URLSearchParams writes is read back', () => {
  fc.assert(
    fc.property(fc.dictionary(name, text, { maxKeys: 20 }), record => {
      const parsed = parseParameters(new URLSearchParams(record).toString())
      assert.ok(parsed.ok)
      for (const [key, value] of Object.entries(record))
        assert.equal(parsed.value.get(key), value || undefined)
    }),
  )
})

test('parameters: any text is read or refused as invalid_request, and never throws', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string({ unit: fc.constantFrom('&', '=', '%', '+', 'a', 'F', '0', '\uFFFD') }),
      ),
      body => {
        const parsed = parseParameters(body)
        if (!parsed.ok) assert.equal(parsed.error, 'invalid_request')
        else
          for (const key of parsed.value.names()) assert.equal(typeof (parsed.value.get(key) ?? ''), 'string')
      },
    ),
  )
})

test('parameters: a repeated name is refused at any position and in any encoding', () => {
  fc.assert(
    fc.property(
      name,
      text,
      text,
      fc.array(fc.tuple(name, text), { maxLength: 5 }),
      (key, first, second, others) => {
        const rest = others.filter(([other]) => other !== key)
        const form = new URLSearchParams([[key, first], ...rest, [key, second]]).toString()
        const escaped = form.replace(/^./, letter =>
          /[a-z]/i.test(letter) ? `%${letter.charCodeAt(0).toString(16)}` : letter,
        )
        assert.equal(parseParameters(form).ok, false)
        assert.equal(parseParameters(escaped).ok, false)
      },
    ),
  )
})

test('parameters: resource and audience may be sent several times', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('resource', 'audience'),
      fc.array(
        text.filter(value => value !== ''),
        { maxLength: 10 },
      ),
      (key, values) => {
        const parsed = parseParameters(new URLSearchParams(values.map(value => [key, value])).toString())
        assert.ok(parsed.ok)
        assert.deepEqual(parsed.value.all(key), values)
      },
    ),
  )
})

test('parameters: a value is refused exactly when it is longer than its limit', () => {
  fc.assert(
    fc.property(fc.nat(50), fc.nat(50), (length, max) => {
      const parsed = parseParameters(`a=${'x'.repeat(length)}`, { a: [max, 'invalid_grant'] })
      assert.equal(parsed.ok, length <= max)
      if (!parsed.ok) assert.equal(parsed.error, 'invalid_grant')
    }),
  )
})
