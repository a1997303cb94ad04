/**
 * Text as PostgreSQL can keep it. Its `text` holds every character but U+0000, which a request may well bring (in a
 * nonce, in a name that is looked for): it is written as U+0001 and a digit, and so is U+0001 itself. No two texts
 * become one.
 */

const special = /[\u0000\u0001]/g
const written = /\u0001([01])/g

export const writeText = (text: string): string =>
  text.replace(special, character => (character === '\u0000' ? '\u00010' : '\u00011'))

export const readText = (text: string): string =>
  text.includes('\u0001')
    ? text.replace(written, (_, digit: string) => (digit === '0' ? '\u0000' : '\u0001'))
    : text
