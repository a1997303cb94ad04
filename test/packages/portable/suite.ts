/** The portable tests of each part of the library, and what runs them. */

import { apiCases } from './api.ts'
import { authorizationCases } from './authorization.ts'
import type { PortableCase, PortableWorld } from './case.ts'
import { discoveryCases } from './discovery.ts'
import { endpointCases } from './endpoints.ts'
import { signedTokenCases } from './signed-tokens.ts'
import { tokenCases } from './tokens.ts'

export const cases: readonly PortableCase[] = [
  ...discoveryCases,
  ...signedTokenCases,
  ...tokenCases,
  ...authorizationCases,
  ...endpointCases,
  ...apiCases,
]

export const browserCases = cases.filter(({ notInBrowsers }) => notInBrowsers === undefined)

/** The result of one test: `passed`, or the error. */
export type PortableOutcome = { readonly name: string; readonly outcome: string }

/** Runs tests one after another. Never rejects. */
export async function runPortableSuite(
  world: PortableWorld,
  selected: readonly PortableCase[],
): Promise<readonly PortableOutcome[]> {
  const outcomes: PortableOutcome[] = []
  for (const { name, run } of selected) {
    const outcome = await run(world).then(
      () => 'passed',
      (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : `${error}`),
    )
    outcomes.push({ name, outcome })
  }
  return outcomes
}
