/** The report of `tessera config check --profile`. */

import { type Diagnostic, groupByEntry } from '../configuration/diagnostic.ts'
import { distinct, type ProfileFinding, placeOf } from '../configuration/profiles/finding.ts'
import { requirementsOf } from '../configuration/profiles/findings.ts'
import type { SecurityProfile } from '../configuration/profiles/names.ts'
import { writeOutput } from '../operations/output/standard-output.ts'
import type { CheckFlags, ExitCode } from './command.ts'

/** Writes a line for each thing that is missing. The exit code is 1 if anything is. */
export function reportProfile(
  file: string,
  profile: SecurityProfile,
  findings: readonly ProfileFinding[],
  { verbose, json }: Pick<CheckFlags, 'verbose' | 'json'>,
): ExitCode {
  const rows = requirementsOf(profile).map(requirement => ({
    requirement,
    missing: findings.filter(one => one.requirement === requirement).map(({ diagnostic }) => diagnostic),
  }))
  const unmet = rows.filter(({ missing }) => missing.length > 0)
  if (json) {
    for (const { requirement, missing } of rows) writeLine(JSON.stringify(recordOf(requirement, missing)))
  } else {
    writeLine(
      unmet.length === 0
        ? `${profile}: all ${rows.length} requirements are met`
        : `${profile}: ${unmet.length} of ${rows.length} requirements ${unmet.length === 1 ? 'is' : 'are'} not met by ${file}`,
    )
    const missing = distinct(findings).map(({ diagnostic }) => diagnostic)
    for (const one of groupByEntry(missing)) writeLine(`  missing: ${lineOf(one)}`)
    for (const { requirement, missing } of verbose ? rows : [])
      if (missing.length === 0)
        writeLine(`  met: ${placeOf(requirement)}: ${requirement.requirement} (${requirement.setting})`)
  }
  return unmet.length === 0 ? 0 : 1
}

const recordOf = (requirement: ProfileFinding['requirement'], missing: readonly Diagnostic[]): object => ({
  place: placeOf(requirement),
  requirement: requirement.requirement,
  setting: requirement.setting,
  met: missing.length === 0,
  missing: [...new Map(missing.map(one => [one.path, one])).values()],
})

const lineOf = ({ path, subject, problem, expected, fix }: Diagnostic): string =>
  `${path}${subject === undefined ? '' : ` (${subject})`}: ${problem}; expected: ${expected}; fix: ${fix}`

const writeLine = (line: string): void => writeOutput(`${line}\n`)
