/** What the bounds publish: documents as long as Tessera's, since the length is a part of the cost. */

/** Characters of Tessera's own documents in the bench. */
const lengths = { discovery: 4405, jwks: 858 } as const

/** As JSON text, with a member that fills it up. */
export function documentOf(kind: keyof typeof lengths, content: object): string {
  const bare = JSON.stringify({ ...content, padding: '' })
  return bare.replace('"padding":""', `"padding":"${'x'.repeat(Math.max(0, lengths[kind] - bare.length))}"`)
}
