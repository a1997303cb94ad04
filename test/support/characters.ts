/** Characters for strings of property tests. */

import fc from 'fast-check'

const surrogates = { first: 0xd800, count: 0x800 }

/**
 * Any code point except surrogates, as `unit: 'binary'` of fast-check, which creates a map of all million of them: 2 s
 * and 100 MB in each process.
 */
export const anyCharacter: fc.Arbitrary<string> = fc.nat({ max: 0x10_ffff - surrogates.count }).map(
  index => String.fromCodePoint(index < surrogates.first ? index : index + surrogates.count),
  // With it, fast-check also tries strings such as `__proto__`.
  character => {
    const code = typeof character === 'string' ? character.codePointAt(0) : undefined
    if (code === undefined || String.fromCodePoint(code) !== character || !character.isWellFormed())
      throw new Error('not a character')
    return code < surrogates.first ? code : code - surrogates.count
  },
)
