/** Adds the users of another server to a store. It can be repeated: existing users are not changed. */

import type { MigratedUser } from '../migration/user.ts'
import { writeError } from '../operations/output/standard-output.ts'
import type { ExitCode, IssuerFlags } from './command.ts'
import { withOpened } from './issuer.ts'

/** Users that are added at the same time. Stores write them together. */
const batchSize = 50

/** @param apply false: only counts what would be added. */
export async function importUsers(
  users: readonly MigratedUser[],
  issuer: IssuerFlags,
  apply: boolean,
  tell: (text: string) => void,
): Promise<ExitCode> {
  const dryRun = !apply
  return withOpened(
    { ...issuer, dryRun },
    'users',
    async (...found) => (await import('../app/user-import.ts')).openUserImport(...found, { dryRun }),
    async target => {
      const counts = { added: 0, same: 0, conflict: 0 }
      for (let from = 0; from < users.length; from += batchSize) {
        const batch = users.slice(from, from + batchSize)
        const outcomes = await Promise.all(batch.map(user => (apply ? target.add(user) : target.look(user))))
        for (const [index, result] of outcomes.entries()) {
          counts[result.outcome]++
          if (result.outcome === 'conflict')
            writeError(`conflict sub=${JSON.stringify(batch[index]!.sub)}: ${result.problem}\n`)
        }
      }
      const { added, same, conflict } = counts
      tell(
        `users: ${apply ? 'added' : 'would be added'} ${added}, already there ${same}, conflicts ${conflict}\n`,
      )
      if (!apply) tell('no user was added; --apply adds them\n')
      return conflict > 0 && apply ? 1 : 0
    },
  )
}
