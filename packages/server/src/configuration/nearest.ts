/** Finds the name that was probably meant, by edit distance. */

/**
 * Returns the candidate with the fewest edits (insert, delete, replace, swap neighbors). At most a third of the word's
 * length, and at least 1, are allowed. A name that starts with the word, or the other way round, counts as one edit.
 */
export function nearestOf(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let fewest = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const edits = distanceOf(word.toLowerCase(), candidate.toLowerCase())
    if (edits < fewest) {
      fewest = edits
      best = candidate
    }
  }
  return best
}

const separators = /[-_ ]/g

function distanceOf(word: string, candidate: string): number {
  // camelCase, kebab-case and the singular are the most common mistakes.
  const [a, b] = [word.replace(separators, ''), candidate.replace(separators, '')]
  if (a === b) return 0
  if (a.length > 3 && b.length > 3 && (a.startsWith(b) || b.startsWith(a))) return 1
  return editDistance(a, b)
}

/** Returns the optimal string alignment distance. */
export function editDistance(a: string, b: string): number {
  let older: number[] = []
  let old = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let edits = Math.min(old[j]! + 1, row[j - 1]! + 1, old[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, older[j - 2]! + 1)
      row.push(edits)
    }
    older = old
    old = row
  }
  return old[b.length]!
}
