/** The documents of the bounds: as long as Tessera's, because the length is a part of the cost. */

/** Characters of Tessera's own documents in the bench. */
const lengths = { discovery: 4405, jwks: 858 } as const

/** As JSON text, padded with one member. */
export function documentOf(kind: keyof typeof lengths, content: object): string {
  const bare = JSON.stringify({ ...content, padding: '' })
  return bare.replace('"padding":""', `"padding":"${'x'.repeat(Math.max(0, lengths[kind] - bare.length))}"`)
}
