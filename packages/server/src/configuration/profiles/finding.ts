/** Requirements of security profiles, and findings: places of a configuration that do not meet one. */

import type { SecurityProfile } from '../../model/security-profile.ts'
import type { Diagnostic } from '../diagnostic.ts'

export type StatedRequirement = {
  readonly profile: SecurityProfile
  /** The section, and the number of the item where the specification numbers them. */
  readonly section: string
  readonly requirement: string
  /** The keys that meet it, or `built in`. */
  readonly setting: string
  /** The test that shows it, by file and title. */
  readonly test: readonly [file: string, title: string]
}

export type ProfileFinding = { readonly requirement: StatedRequirement; readonly diagnostic: Diagnostic }

/** How errors name the specification of each profile. */
const specifications = {
  'oauth2.1': 'draft-ietf-oauth-v2-1-16',
  'fapi2-security': 'FAPI 2.0 Security Profile',
  'fapi2-message-signing': 'FAPI 2.0 Message Signing',
} as const satisfies Record<SecurityProfile, string>

/** Returns the place of a requirement: `FAPI 2.0 Security Profile §5.3.2.1 (11)`. */
export const placeOf = ({ profile, section }: StatedRequirement): string =>
  `${specifications[profile]} §${section}`

/** Keeps the first finding for each place of a configuration. */
export const distinct = (all: readonly ProfileFinding[]): readonly ProfileFinding[] =>
  [...new Map(all.toReversed().map(one => [one.diagnostic.path, one])).values()].toReversed()
