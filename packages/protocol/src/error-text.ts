/** The characters of `error` and `error_description` (RFC 6749 §4.1.2.1, §5.2; RFC 6750 §3): ASCII without `"` and `\`. */

const allowed = /^[\x20\x21\x23-\x5B\x5D-\x7E]*$/

/** ASCII replacements of characters that have no accent to drop. */
const spelled: Readonly<Record<string, string>> = {
  ...{ '§': 'section ', '…': '...', '→': '->', '—': '-', '–': '-', '−': '-', '×': 'x', '·': '*' },
  ...{ '"': "'", '“': "'", '”': "'", '„': "'", '«': "'", '»': "'", '‘': "'", '’': "'", '\\': '/' },
  ...{ '\u00A0': ' ', '\t': ' ', '\n': ' ', '\r': ' ' },
  ...{ ß: 'ss', æ: 'ae', Æ: 'AE', œ: 'oe', Œ: 'OE', ø: 'o', Ø: 'O', ł: 'l', Ł: 'L' },
}

/** Returns the text in the characters that an error may have; one that has no spelling in ASCII becomes `?`. */
export const errorText = (text: string): string =>
  allowed.test(text)
    ? text
    : text
        .replaceAll(/[^\x20\x21\x23-\x5B\x5D-\x7E]/gu, one => spelled[one] ?? one)
        // Letters lose their accents: `é` becomes `e`.
        .normalize('NFKD')
        .replaceAll(/\p{M}/gu, '')
        .replaceAll(/[^\x20\x21\x23-\x5B\x5D-\x7E]/gu, '?')
