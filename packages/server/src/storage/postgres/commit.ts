/** The single write of a token request in PostgreSQL, combined with others of the same event-loop tick. */

import type { Commit, CommitOutcome, Stores } from '../../model/ports/stores.ts'
import { batched } from './batching.ts'
import { type Statement, shapeOf, writeStatement } from './commit-statement.ts'
import type { Database } from './database.ts'

export function createCommit({ run }: Database): Stores['commit'] {
  const statements = new Map<string, Statement>()
  const statementFor = (commit: Commit): Statement => {
    const shape = shapeOf(commit)
    const name = JSON.stringify(shape)
    const before = statements.get(name)
    if (before) return before
    const made = writeStatement(shape)
    statements.set(name, made)
    return made
  }

  return batched(async commits => {
    const { text, valuesOf } = statementFor(commits[0]!)
    const rows = commits.map(valuesOf)
    const columns = rows[0]!.map((_, column) => rows.map(row => row[column]!))
    const outcomes: CommitOutcome[] = []
    for (const [place, outcome] of (await run(text, columns)).rows)
      outcomes[Number(place) - 1] = outcome as CommitOutcome
    return outcomes
  }, apart)
}

/**
 * Groups commits by shape. Commits that write the same row use different statements, so that the second one sees the
 * first.
 */
function apart(): (commit: Commit) => string {
  const written = new Map<string, number>()
  return commit => {
    const rows = rowsOf(commit)
    const before = Math.max(0, ...rows.map(row => written.get(row) ?? 0))
    for (const row of rows) written.set(row, before + 1)
    return `${before} ${JSON.stringify(shapeOf(commit))}`
  }
}

function rowsOf({ proof, use, authorization }: Commit): readonly string[] {
  const used = use && ('family' in use ? use.family : use.hash)
  return [
    ...(proof ? [`used ${proof.hash}`] : []),
    ...(used ? [`used ${used}`] : []),
    ...(authorization ? [`authorization ${authorization.id}`] : []),
  ]
}
